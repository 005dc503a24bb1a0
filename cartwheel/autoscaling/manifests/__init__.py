"""Reads autoscalers from manifests: HorizontalPodAutoscalers and KEDA ScaledObjects.

Files may have several documents, lists, and objects of other kinds, as the output of
`kubectl kustomize` or `helm template` has. Manifests are read strictly: an unknown field, which
the API would drop or refuse, is a problem with its file, line and path. Objects that an API
returned are read leniently, because a newer API has more fields.
"""

from cartwheel.autoscaling.manifests.pause import (
    PAUSED,
    PAUSED_REPLICAS,
    pause_of,
    pausing_annotations,
)
from cartwheel.autoscaling.manifests.problems import ManifestError, Problem
from cartwheel.autoscaling.manifests.reader import (
    Autoscaler,
    autoscaler_from_object,
    own_document,
    read_autoscaler_text,
    read_autoscalers,
    read_manifest_file,
)

__all__ = [
    "PAUSED",
    "PAUSED_REPLICAS",
    "Autoscaler",
    "ManifestError",
    "Problem",
    "autoscaler_from_object",
    "own_document",
    "pause_of",
    "pausing_annotations",
    "read_autoscaler_text",
    "read_autoscalers",
    "read_manifest_file",
]
