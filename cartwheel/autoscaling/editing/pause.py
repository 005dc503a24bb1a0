"""Pause and resume as edits of the manifest.

KEDA has an annotation for it. A HorizontalPodAutoscaler is paused by a `selectPolicy` of Disabled
in both directions; what stood there before is kept in an annotation, so that whoever resumes it
finds it, also after other edits.
"""

from collections.abc import Mapping

from cartwheel.autoscaling.editing.document import Document, EditError
from cartwheel.autoscaling.editing.fields import read_one
from cartwheel.autoscaling.editing.places import ANNOTATIONS, DIRECTIONS, Places, places_of
from cartwheel.autoscaling.editing.text_edits import Path
from cartwheel.autoscaling.manifests import PAUSED, PAUSED_REPLICAS, pausing_annotations
from cartwheel.autoscaling.pausing import is_paused
from cartwheel.autoscaling.spec import SelectPolicy

BEFORE_PAUSE = "cartwheel/select-policies-before-pause"
# In that annotation: the direction is not there, or it has no selectPolicy.
ABSENT, UNSET = "absent", "unset"
BEHAVIOR = "behavior"


def paused(manifest: str) -> str:
    """The manifest with a pause; the same if it has one. Raises `ManifestError`, `EditError`."""
    autoscaler = read_one(manifest)
    if is_paused(autoscaler):
        return manifest
    document = Document(manifest)
    places = places_of(document)
    if document.data["kind"] == "ScaledObject":
        return document.set((*ANNOTATIONS, PAUSED), "true").text
    if places.behavior is None:
        raise EditError("autoscaling/v1 has no behavior, so it cannot be paused")
    before = {BEHAVIOR: ABSENT} if document.get(places.behavior) is None else {}
    for direction in DIRECTIONS:
        place = (*places.behavior, direction)
        found = document.get((*place, "selectPolicy"))
        before[direction] = str(found or (ABSENT if document.get(place) is None else UNSET))
        document = document.set((*place, "selectPolicy"), SelectPolicy.DISABLED.value)
    words = ",".join(f"{name}={value}" for name, value in before.items())
    return document.set((*ANNOTATIONS, BEFORE_PAUSE), words).text


def resumed(manifest: str) -> str:
    """The manifest without its pause; the same if it has none.

    Raises `ManifestError`, `EditError`.
    """
    autoscaler = read_one(manifest)
    document = Document(manifest)
    places = places_of(document)
    if not is_paused(autoscaler) and not _before_pause(document):
        return manifest
    annotations = document.get(ANNOTATIONS)
    if isinstance(annotations, Mapping) and document.data["kind"] == "ScaledObject":
        for name in _pause_of_both_directions(annotations):
            document = _without_annotation(document, name)
        if not is_paused(read_one(document.text)):
            return document.text
    return _with_policies_of_before(document, places).text


def _pause_of_both_directions(annotations: Mapping[str, str]) -> list[str]:
    """The annotations that pause it as a whole, or else those of the two directions."""
    names = pausing_annotations(annotations)
    return [one for one in names if one in (PAUSED, PAUSED_REPLICAS)] or list(names)


def _with_policies_of_before(document: Document, places: Places) -> Document:
    behavior = places.behavior or ()
    before = _before_pause(document)
    for direction in DIRECTIONS:
        place, policy = (*behavior, direction), before.get(direction, UNSET)
        # Unless another edit has changed it since.
        if document.get((*place, "selectPolicy")) == SelectPolicy.DISABLED:
            document = _with_policy(document, place, policy)
    if before.get(BEHAVIOR) == ABSENT:
        document = _without_empty(document, behavior)
    return _without_annotation(document, BEFORE_PAUSE)


def _with_policy(document: Document, place: Path, policy: str) -> Document:
    if policy not in (ABSENT, UNSET):
        return document.set((*place, "selectPolicy"), policy)
    document = document.remove((*place, "selectPolicy"))
    return _without_empty(document, place) if policy == ABSENT else document


def _before_pause(document: Document) -> dict[str, str]:
    words = str(document.get((*ANNOTATIONS, BEFORE_PAUSE)) or "")
    return dict(word.split("=", 1) for word in words.split(",") if "=" in word)


def _without_annotation(document: Document, name: str) -> Document:
    return _without_empty(document.remove((*ANNOTATIONS, name)), ANNOTATIONS)


def _without_empty(document: Document, place: Path) -> Document:
    return document.remove(place) if document.get(place) == {} else document
