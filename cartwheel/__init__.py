"""The operator's tool: start the shop, watch it, change it."""
