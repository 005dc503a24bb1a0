"""`cartwheel explain`: why an autoscaler wants its count, and what would change it."""
