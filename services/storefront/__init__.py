"""The pages of the shop, and its APIs under one origin."""
