"""Errors of the autoscaler."""


class MetricError(Exception):
    """A metric proposes no number of replicas; the message is the controller's."""


NO_PODS = "no pods returned by selector while calculating replica count"
