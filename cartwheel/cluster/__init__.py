"""A Kubernetes cluster on this machine, made by kind for the shop."""
