"""What all objects of the API have: `metadata`, and a reference to a workload."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cartwheel.autoscaling.manifests.fields import Fields

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
MAX_NAME_LENGTH = 253
_NOT_READ = (
    "generateName",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
    "selfLink",
)


@dataclass(frozen=True)
class Metadata:
    name: str
    namespace: str
    annotations: Mapping[str, str]


def read_metadata(root: Fields) -> Metadata:
    with root.mapping("metadata") as fields:
        fields.ignore(*_NOT_READ)
        fields.texts("labels")
        return Metadata(
            read_name(fields),
            fields.text("namespace", "default"),
            fields.texts("annotations"),
        )


def read_name(fields: Fields) -> str:
    """The name of an object: lower-case letters, digits, `-` and `.`."""
    name = fields.text("name")
    if not fields.is_wrong("name") and not (_NAME.fullmatch(name) and len(name) <= MAX_NAME_LENGTH):
        fields.report(f"is no name of an object: {name}", "name")
    return name
