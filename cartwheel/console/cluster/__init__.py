"""The shop in a cluster, or another namespace, read from Kubernetes and Prometheus."""
