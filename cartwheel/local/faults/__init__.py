"""Faults in the running shop: held by a session, and undone when it ends."""
