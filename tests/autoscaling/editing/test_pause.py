"""A pause is an edit of the manifest, and resuming restores what was there before."""

from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from cartwheel.autoscaling.editing import EditError, fields_of, paused, resumed, with_fields
from cartwheel.autoscaling.manifests import read_autoscaler_text
from cartwheel.autoscaling.pausing import is_paused
from tests.autoscaling.editing.test_fields import BARE, HPA, SCALED, V1

ROOT = Path(__file__).parents[3]
WITH_ANNOTATIONS = SCALED.replace("annotations:", 'annotations:\n    mine: "1"  # keep')
ONE_DISABLED = HPA.replace("scaleDown:\n", "scaleDown:\n      selectPolicy: Disabled\n")
MIN = HPA.replace("scaleUp:\n", "scaleUp:\n      selectPolicy: Min  # the smaller\n")
EMPTY = BARE + "  behavior: {}\n"
EMPTY_RULES = BARE + "  behavior:\n    scaleUp: {}\n"
ANNOTATED = HPA.replace("  labels:", "  annotations: {mine: x}\n  labels:")
ONE_WAY = SCALED.replace(
    "annotations:", 'annotations:\n    autoscaling.keda.sh/paused-scale-in: ""'
)


def is_on_hold(text: str) -> bool:
    (found,) = read_autoscaler_text(text, source="it")
    return is_paused(found)


MANIFESTS = {
    "hpa": HPA,
    "scaledobject": SCALED,
    "bare hpa": BARE,
    "with annotations": WITH_ANNOTATIONS,
    "one direction disabled": ONE_DISABLED,
    "the smallest change": MIN,
    "empty behavior": EMPTY,
    "empty rules": EMPTY_RULES,
    "annotated hpa": ANNOTATED,
    "paused in one direction": ONE_WAY,
}


@pytest.mark.parametrize("manifest", MANIFESTS.values(), ids=MANIFESTS)
def test_a_pause_and_its_end_leave_the_manifest_as_it_was(manifest: str) -> None:
    held = paused(manifest)
    assert is_on_hold(held)
    assert not is_on_hold(manifest)
    assert paused(held) == held
    assert resumed(held) == manifest
    assert resumed(manifest) == manifest


def test_keda_is_paused_by_its_annotation_and_an_hpa_by_its_policies() -> None:
    assert '    autoscaling.keda.sh/paused: "true"\n' in paused(SCALED)
    assert paused(HPA).count("selectPolicy: Disabled") == 2
    assert 'cartwheel/select-policies-before-pause: "scaleUp=unset,scaleDown=unset"' in paused(HPA)


@pytest.mark.parametrize("manifest", [HPA, SCALED, MIN], ids=["hpa", "scaledobject", "min"])
def test_an_edit_during_a_pause_stays(manifest: str) -> None:
    edit = {"max": 5, "scale_down": {"stabilization_window_seconds": 60}}
    held = with_fields(paused(manifest), edit)
    assert is_on_hold(held)
    assert resumed(held) == with_fields(manifest, edit)


def test_a_direction_that_was_enabled_during_the_pause_stays_so() -> None:
    open_up = with_fields(paused(MIN), {"scale_up": {"select_policy": "Max"}})
    assert not is_on_hold(open_up)
    fields = fields_of(resumed(open_up))
    assert fields["scale_up"]["select_policy"] == "Max"
    assert fields["scale_down"]["select_policy"] == "Max"


def test_a_pause_by_hand_ends_with_the_defaults() -> None:
    by_hand = (
        BARE
        + "  behavior: {scaleUp: {selectPolicy: Disabled}, scaleDown: {selectPolicy: Disabled}}\n"
    )
    assert not is_on_hold(resumed(by_hand))
    replicas = SCALED.replace(
        "annotations:", 'annotations:\n    autoscaling.keda.sh/paused-replicas: "4"'
    )
    assert resumed(replicas) == SCALED
    both = ONE_WAY.replace(
        "annotations:", 'annotations:\n    autoscaling.keda.sh/paused-scale-out: ""'
    )
    assert resumed(both) == SCALED


def test_autoscaling_v1_cannot_be_paused() -> None:
    with pytest.raises(EditError, match="no behavior"):
        paused(V1)


@pytest.mark.parametrize("manifest", [HPA, BARE, MIN], ids=["hpa", "bare hpa", "min"])
def test_what_is_made_of_an_hpa_is_one_for_kubernetes(manifest: str) -> None:
    rules = {"tolerance": 0.05, "policies": [{"type": "Percent", "value": 50, "period_seconds": 9}]}
    edited = with_fields(manifest, {"target": 30, "min": 1, "max": 9, "scale_down": rules})
    for text in (edited, paused(edited), resumed(paused(edited))):
        kubernetes_validate.validate(yaml.safe_load(text), "1.35", strict=True)
