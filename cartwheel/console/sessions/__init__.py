"""Sessions as files: one is saved, replayed, and exported as a page."""
