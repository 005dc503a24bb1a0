"""Fields are read from a manifest and written into it; comments, order and the rest stay."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cartwheel.autoscaling.editing import EditError, FieldError, fields_of, with_fields
from cartwheel.autoscaling.manifests import ManifestError, own_document

ROOT = Path(__file__).parents[3]
HPA = (ROOT / "manifests/components/autoscaling-cpu/hpa.yaml").read_text()
SCALED = (ROOT / "manifests/components/autoscaling-requests/scaledobject.yaml").read_text()
BARE = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: cart}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: cart}
  maxReplicas: 7
  metrics:
    - {type: Resource, resource: {name: cpu, target: {type: AverageValue, averageValue: 15m}}}
"""
V1 = """\
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: cart}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: cart}
  maxReplicas: 7
"""
UP = {
    "stabilization_window_seconds": 0,
    "select_policy": "Max",
    "tolerance": None,
    "policies": [{"type": "Pods", "value": 5, "period_seconds": 15}],
}
DOWN = {
    "stabilization_window_seconds": 20,
    "select_policy": "Max",
    "tolerance": None,
    "policies": [{"type": "Pods", "value": 3, "period_seconds": 15}],
}


NAMES = {HPA: "hpa", SCALED: "scaledobject", BARE: "bare hpa", V1: "hpa v1"}


def name_of(value: object) -> str | None:
    """A short name of a test, where a manifest is a parameter."""
    return NAMES.get(value) if isinstance(value, str) else None


def comments(text: str) -> list[str]:
    return re.findall(r"#.*", text)


@pytest.mark.parametrize(("manifest", "target"), [(HPA, 60), (SCALED, 20)], ids=name_of)
def test_the_cart_has_these_fields(manifest: str, target: float) -> None:
    expected = {"target": target, "min": 2, "max": 7, "scale_up": UP, "scale_down": DOWN}
    assert fields_of(manifest) == expected
    assert with_fields(manifest, expected) == manifest


def test_what_is_not_in_the_manifest_has_its_default_or_none() -> None:
    none: dict[str, None] = {"scale_up": None, "scale_down": None}
    assert fields_of(BARE) == {"target": 0.015, "min": 1, "max": 7, **none}
    assert fields_of(V1) == {"target": 80, "min": 1, "max": 7, **none}
    assert with_fields(BARE, fields_of(BARE)) == BARE


@pytest.mark.parametrize(
    ("manifest", "fields", "before", "after"),
    [
        (HPA, {"target": 45}, "averageUtilization: 60", "averageUtilization: 45"),
        (SCALED, {"target": 10}, 'threshold: "20"', 'threshold: "10"'),
        (SCALED, {"target": 7.5}, 'threshold: "20"', 'threshold: "7.5"'),
        (BARE, {"target": 0.02}, "averageValue: 15m", 'averageValue: "0.02"'),
        (HPA, {"max": 5}, "maxReplicas: 7", "maxReplicas: 5"),
        (SCALED, {"max": 5.0}, "maxReplicaCount: 7", "maxReplicaCount: 5"),
        (SCALED, {"min": 1}, "minReplicaCount: 2", "minReplicaCount: 1"),
        (BARE, {"min": 2}, "15m}}}\n", "15m}}}\n  minReplicas: 2\n"),
        (V1, {"target": 50}, "7\n", "7\n  targetCPUUtilizationPercentage: 50\n"),
        (
            SCALED,
            {"scale_down": {"policies": [{"type": "Percent", "value": 50, "period_seconds": 30}]}},
            "{type: Pods, value: 3, periodSeconds: 15}",
            "{type: Percent, value: 50, periodSeconds: 30}",
        ),
        (
            HPA,
            {"scale_up": {"select_policy": "Min", "tolerance": 0.05}},
            "value: 5\n          periodSeconds: 15\n",
            "value: 5\n          periodSeconds: 15\n"
            "      selectPolicy: Min\n      tolerance: 0.05\n",
        ),
        (
            BARE,
            {"scale_down": {"stabilization_window_seconds": 30, "policies": UP["policies"]}},
            "15m}}}\n",
            "15m}}}\n  behavior:\n    scaleDown:\n      stabilizationWindowSeconds: 30\n"
            "      policies:\n        - {type: Pods, value: 5, periodSeconds: 15}\n",
        ),
    ],
    ids=name_of,
)
def test_a_field_is_written_where_it_stands(
    manifest: str, fields: Mapping[str, Any], before: str, after: str
) -> None:
    assert manifest.count(before) == 1
    assert with_fields(manifest, fields) == manifest.replace(before, after)


@pytest.mark.parametrize("manifest", [HPA, SCALED], ids=name_of)
def test_policies_are_added_and_removed_at_the_end(manifest: str) -> None:
    more = [*UP["policies"], {"type": "Percent", "value": 100, "period_seconds": 60}]
    longer = with_fields(manifest, {"scale_up": {"policies": more}})
    assert fields_of(longer)["scale_up"]["policies"] == more
    assert comments(longer) == comments(manifest)
    assert with_fields(longer, {"scale_up": {"policies": UP["policies"]}}) == manifest


@pytest.mark.parametrize("manifest", [HPA, SCALED], ids=name_of)
def test_rules_are_removed_with_null(manifest: str) -> None:
    without_up = with_fields(manifest, {"scale_up": None})
    assert fields_of(without_up)["scale_up"] is None
    assert fields_of(without_up)["scale_down"] == DOWN
    without_window = with_fields(manifest, {"scale_down": {"stabilization_window_seconds": None}})
    assert fields_of(without_window)["scale_down"]["stabilization_window_seconds"] is None
    neither = with_fields(without_up, {"scale_down": None})
    assert neither.count("behavior:") == manifest.count("behavior:") - 1


RULES = st.fixed_dictionaries(
    {},
    optional={
        "stabilization_window_seconds": st.one_of(st.none(), st.integers(0, 3600)),
        "select_policy": st.sampled_from(["Max", "Min", "Disabled"]),
        "tolerance": st.one_of(st.none(), st.sampled_from([0, 0.05, 0.1, 1])),
        "policies": st.lists(
            st.fixed_dictionaries(
                {
                    "type": st.sampled_from(["Pods", "Percent"]),
                    "value": st.integers(1, 100),
                    "period_seconds": st.integers(1, 1800),
                }
            ),
            min_size=1,
            max_size=3,
        ),
    },
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "target": st.integers(1, 100),
        "min": st.integers(1, 5),
        "max": st.integers(5, 32),
        "scale_up": st.one_of(st.none(), RULES),
        "scale_down": st.one_of(st.none(), RULES),
    },
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from([HPA, SCALED, BARE]), st.lists(FIELDS, max_size=3))
def test_any_edits_say_what_was_asked_for_and_keep_the_rest(
    manifest: str, edits: list[Mapping[str, Any]]
) -> None:
    text = manifest
    for fields in edits:
        before, text = fields_of(text), with_fields(text, fields)
        after = fields_of(text)
        for name, wanted in fields.items():
            if isinstance(wanted, Mapping):
                known = after[name] or {"tolerance": None, "stabilization_window_seconds": None}
                for key, one in wanted.items():
                    default = 0 if name == "scale_up" else None
                    if key == "stabilization_window_seconds" and one is None:
                        assert known[key] in (None, default)
                    else:
                        assert known.get(key, one) == one
            else:
                assert after[name] == wanted
        untouched = set(before) - set(fields)
        assert {name: after[name] for name in untouched} == {
            name: before[name] for name in untouched
        }
    if not any(fields.get(name, 0) is None for fields in edits for name in fields):
        assert [one for one in comments(manifest) if one not in comments(text)] == []


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"max": 1}, "max", "must be at least minReplicas (2), but is 1"),
        ({"max": 0}, "max", "must be at least 1, but is 0"),
        ({"min": -1}, "min", "must be at least 0, but is -1"),
        ({"min": 0}, "min", "0 needs a metric of the type Object or External"),
        ({"max": 2.5}, "max", "must be a whole number, but is 2.5"),
        ({"max": "7"}, "max", "must be a number"),
        ({"max": True}, "max", "must be a number"),
        ({"max": None}, "max", "must be a number"),
        ({"target": 0}, "target", "must be above 0 and at most 1,000,000,000, but is 0"),
        ({"target": 60.5}, "target", "must be a whole number, but is a number (60.5)"),
        ({"targets": 1}, "targets", "unknown field; there are target, min, max, scale_up"),
        ({"scale_up": 1}, "scale_up", "must be an object, or null"),
        ({"scale_up": {"window": 1}}, "scale_up.window", "unknown field; there are stab"),
        (
            {"scale_down": {"stabilization_window_seconds": 4000}},
            "scale_down.stabilization_window_seconds",
            "must be at most 3600, but is 4000",
        ),
        (
            {"scale_up": {"select_policy": "Mox"}},
            "scale_up.select_policy",
            "must be Max, Min or Disabled, but is Mox",
        ),
        ({"scale_up": {"tolerance": -1}}, "scale_up.tolerance", "must not be negative"),
        ({"scale_up": {"policies": []}}, "scale_up.policies", "must have at least one policy"),
        ({"scale_up": {"policies": [{}]}}, "scale_up.policies.0.type", "missing"),
        (
            {"scale_up": {"policies": [{"type": "Pods", "value": 0, "period_seconds": 15}]}},
            "scale_up.policies.0.value",
            "must be at least 1, but is 0",
        ),
        (
            {"scale_up": {"policies": [{"type": "Pods", "value": 1, "period_seconds": 9999}]}},
            "scale_up.policies.0.period_seconds",
            "must be at most 1800, but is 9999",
        ),
    ],
)
def test_a_wrong_value_names_its_field_and_what_is_allowed(
    fields: Mapping[str, Any], field: str, message: str
) -> None:
    with pytest.raises(FieldError) as caught:
        with_fields(HPA, fields)
    assert caught.value.field == field
    assert caught.value.message.startswith(message)


def test_a_scaled_object_names_them_too() -> None:
    with pytest.raises(FieldError) as caught:
        with_fields(SCALED, {"max": 1})
    assert (caught.value.field, caught.value.message) == (
        "max",
        "must be at least minReplicaCount (2), but is 1",
    )
    with pytest.raises(FieldError, match="autoscaling/v1 has no behavior"):
        with_fields(V1, {"scale_up": {"select_policy": "Min"}})


@pytest.mark.parametrize(
    "text",
    [f"{SCALED}---\n{SCALED}", "a: &a [*a]", "", "kind: Service"],
    ids=["two", "endless", "empty", "another kind"],
)
def test_what_is_not_one_autoscaler_is_refused(text: str) -> None:
    with pytest.raises((ManifestError, EditError)):
        fields_of(text)


OTHER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SCALED, SCALED),
        (f"{SCALED}---\n{OTHER}", SCALED),
        (f"# First.\n---\n{SCALED}---\n{OTHER}", f"# First.\n---\n{SCALED}"),
        (f"{OTHER}---\n# Source: a.yaml\n{SCALED}", f"# Source: a.yaml\n{SCALED}"),
        (f"---\n{OTHER}---\n{SCALED}---\n{OTHER}", SCALED),
        (f"{OTHER}---\r\n{SCALED}", f"\r\n{SCALED}"),
    ],
    ids=["alone", "first", "first with a comment", "last", "in the middle", "windows"],
)
def test_of_a_file_with_other_documents_it_has_its_own(text: str, expected: str) -> None:
    assert own_document(text) == expected
