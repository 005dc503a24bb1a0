"""What a service reports about itself: metrics, logs, and the context that connects requests."""
