"""Which autoscalers of a namespace a reference such as `deployment/cart` means."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from cartwheel.errors import CommandError, UsageError
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.namespaces import NamespaceContents

HPA = "hpa"
SCALED_OBJECT = "scaledobject"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# As kubectl calls them.
_KINDS = {
    "hpa": HPA,
    "horizontalpodautoscaler": HPA,
    "so": SCALED_OBJECT,
    "scaledobject": SCALED_OBJECT,
    "deploy": "deployment",
    "sts": "statefulset",
    "rs": "replicaset",
    **{kind: kind for kind in ("deployment", "statefulset", "replicaset")},
}


@dataclass(frozen=True)
class ClusterAutoscaler:
    """An autoscaler with the ScaledObject that it comes from, or a ScaledObject without one."""

    hpa: Json | None
    scaled_object: Json | None

    @property
    def name(self) -> str:
        """`hpa/cart`; without one, `scaledobject/cart`."""
        if self.hpa is not None:
            return f"{HPA}/{self.hpa['metadata']['name']}"
        assert self.scaled_object is not None
        return f"{SCALED_OBJECT}/{self.scaled_object['metadata']['name']}"

    @property
    def target(self) -> Json:
        """The `scaleTargetRef`."""
        item = self.hpa or self.scaled_object
        assert item is not None
        target: Json = item["spec"]["scaleTargetRef"]
        return target

    @property
    def manifest(self) -> str:
        """As YAML that one would apply: without what the cluster adds."""
        item = self.scaled_object or self.hpa
        assert item is not None
        metadata = {name: item["metadata"].get(name) for name in ("name", "namespace")}
        annotations = dict(item["metadata"].get("annotations") or {})
        annotations.pop(LAST_APPLIED, None)
        if annotations:
            metadata["annotations"] = annotations
        heading = {name: item.get(name) for name in ("apiVersion", "kind")}
        document = {**heading, "metadata": metadata, "spec": item["spec"]}
        text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        return text


def find_autoscalers(
    contents: NamespaceContents, reference: str | None
) -> Sequence[ClusterAutoscaler]:
    """Those that `hpa/NAME`, `scaledobject/NAME` or `deployment/NAME` means; with None, all.

    Raises `CommandError` if there is none.
    """
    everything = [*_all(contents)]
    if reference is None:
        if not everything:
            raise CommandError(f"No autoscaler in namespace {contents.name}.")
        return everything
    kind, name = split_reference(reference)
    found = [one for one in everything if _is_meant(one, kind, name)]
    if not found:
        what = f"{kind}/{name}" if kind in (HPA, SCALED_OBJECT) else f"autoscaler of {kind}/{name}"
        there = ", ".join(one.name for one in everything) or "none"
        raise CommandError(f"No {what} in namespace {contents.name} (there: {there}).")
    return found


def split_reference(reference: str) -> tuple[str, str]:
    """Kind and name; the kind in one form, however it is written. Raises `UsageError`."""
    kind, _, name = reference.partition("/")
    if not name:
        raise UsageError(f"{reference}: write hpa/NAME, scaledobject/NAME or deployment/NAME.")
    return _known_kind(kind) or _without_group(kind), name


def is_kind(word: str) -> bool:
    """Whether it is a kind alone, of an autoscaler or of a workload."""
    return "/" not in word and _known_kind(word) is not None


def made_autoscaler(scaled_object: Json) -> str:
    """The name of the HorizontalPodAutoscaler that KEDA makes of a ScaledObject."""
    name: str = scaled_object["metadata"]["name"]
    given = (scaled_object.get("status") or {}).get("hpaName")
    return given or f"keda-hpa-{name}"


def is_same_target(one: Json, other: Json) -> bool:
    """Whether two `scaleTargetRef` are the same workload; KEDA may leave out Deployment."""
    kinds = {target.get("kind", "Deployment").lower() for target in (one, other)}
    return len(kinds) == 1 and one["name"] == other["name"]


def _known_kind(word: str) -> str | None:
    kind = _without_group(word)
    return _KINDS.get(kind) or _KINDS.get(kind.removesuffix("s"))


def _without_group(kind: str) -> str:
    """As of `deployment.apps`, which is what `kubectl get -o name` prints."""
    return kind.lower().partition(".")[0]


def _all(contents: NamespaceContents) -> Iterator[ClusterAutoscaler]:
    made = {made_autoscaler(one): one for one in contents.scaled_objects}
    for hpa in contents.autoscalers:
        yield ClusterAutoscaler(hpa, made.pop(hpa["metadata"]["name"], None))
    for scaled_object in made.values():
        yield ClusterAutoscaler(None, scaled_object)


def _is_meant(one: ClusterAutoscaler, kind: str, name: str) -> bool:
    if kind == HPA:
        return one.hpa is not None and one.hpa["metadata"]["name"] == name
    if kind == SCALED_OBJECT:
        scaled_object = one.scaled_object
        return scaled_object is not None and scaled_object["metadata"]["name"] == name
    return is_same_target(one.target, {"name": name, "kind": kind})
