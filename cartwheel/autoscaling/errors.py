"""Errors of the autoscaler."""


class MetricError(Exception):
    """A metric proposes no number of replicas; the message is the controller's."""


class UnsupportedError(Exception):
    """An autoscaler uses what this library does not evaluate; the message says what."""


NO_PODS = "no pods returned by selector while calculating replica count"
