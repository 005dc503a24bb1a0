"""The autoscaler of the local run: it measures replicas, decides by the manifests, and scales."""
