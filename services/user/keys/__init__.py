"""The keys that sign access tokens, and the command that manages them."""
