"""The routes, one file a subject. None imports another."""
