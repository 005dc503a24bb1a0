"""Errors of the autoscaler."""


class MetricError(Exception):
    """A metric proposes no number of replicas; the message is the controller's."""
