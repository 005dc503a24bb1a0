"""Load for the shop: scenarios, an open-loop generator, and an acceptance test."""
