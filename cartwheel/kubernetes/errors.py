"""Why a cluster did not give what was asked for: one sentence each.

ClusterError
├── BadRequest       the request is wrong: a query, for example
├── Forbidden        the user has no right to read this
├── NotFound         there is no such object, or no such API
├── Unavailable      the API server responded that it cannot serve this now
└── Unreachable      no response: no kubectl, no such context, no connection, no login, too slow
"""

from cartwheel.errors import CommandError


class ClusterError(CommandError):
    """A request to the cluster failed."""


class BadRequest(ClusterError):
    """The API server, or a server behind it, does not accept the request as it is."""


class Forbidden(ClusterError):
    """The user has no right to read this."""


class NotFound(ClusterError):
    """There is no such object, or the API does not exist in this cluster."""


class Unavailable(ClusterError):
    """The API server, or a server behind it, cannot serve the request."""


class Unreachable(ClusterError):
    """The cluster gave no response at all."""
