"""Load for the shop: what shoppers do, and at which rate."""
