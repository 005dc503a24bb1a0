"""Faults that only a cluster has: evictions, network policies, lost pods, lost metrics."""
