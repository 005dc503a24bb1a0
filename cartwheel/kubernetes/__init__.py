"""Read-only access to any Kubernetes cluster that kubectl can reach."""
