"""What the posted forms hold, and the rules for it."""
