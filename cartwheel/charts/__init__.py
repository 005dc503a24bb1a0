"""Charts, and the pages around them: what the reports of loads and simulations share."""
