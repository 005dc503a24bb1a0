"""A soak: shoppers on all services while faults, restarts and scalings follow one another."""
