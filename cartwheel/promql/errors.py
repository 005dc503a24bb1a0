"""Errors of queries."""


class QueryError(ValueError):
    """The query cannot be evaluated here; the message is one sentence."""
