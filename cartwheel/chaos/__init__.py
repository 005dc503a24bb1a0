"""`cartwheel chaos`: breaks the running shop in known ways, and measures what becomes of it."""
