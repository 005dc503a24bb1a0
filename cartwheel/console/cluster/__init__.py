"""A namespace of a cluster, read from Kubernetes and Prometheus."""

from cartwheel.console.cluster.mesh_file import measured_in
from cartwheel.console.cluster.source import ClusterSource

__all__ = ["ClusterSource", "measured_in"]
