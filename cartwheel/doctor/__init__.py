"""`cartwheel doctor`: what is wrong here or in a cluster, and the command that mends it."""
