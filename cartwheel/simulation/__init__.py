"""The loop of an autoscaler without a cluster: load, replicas, metrics and their delays.

What the model assumes and where it ends is in `docs/autoscaling/simulate.md`.
"""
