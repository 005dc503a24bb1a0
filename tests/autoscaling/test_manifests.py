"""Manifests are read strictly: whatever is wrong is reported with its file, line and field."""

import io
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cartwheel.autoscaling.manifests import (
    Autoscaler,
    ManifestError,
    autoscaler_from_object,
    read_autoscaler_text,
    read_autoscalers,
)
from cartwheel.autoscaling.scaled_object import FallbackBehavior, Pause, ScaledObject
from cartwheel.autoscaling.spec import (
    DEFAULT_SCALE_DOWN,
    DEFAULT_SCALE_UP,
    Behavior,
    ExternalMetric,
    HorizontalPodAutoscalerSpec,
    ObjectMetric,
    PodsMetric,
    PolicyType,
    ResourceMetric,
    ScaleTarget,
    ScalingPolicy,
    ScalingRules,
    SelectPolicy,
    Target,
    TargetType,
)

MANIFESTS = Path(__file__).parents[2] / "manifests" / "components"
HPA = """\
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: web
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}
  maxReplicas: 10
"""
SCALED_OBJECT = """\
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: worker
spec:
  scaleTargetRef: {name: worker}
"""
PROMETHEUS = """\
  triggers:
    - type: prometheus
      metadata: {serverAddress: "http://prometheus:9090", query: sum(up), threshold: "2.5"}
"""
RABBITMQ = """\
  triggers:
    - {type: rabbitmq, metadata: {value: "20", queueName: orders}}
"""


def read(text: str) -> Autoscaler:
    (found,) = read_autoscaler_text(text, source="web.yaml")
    return found


def read_hpa(text: str) -> HorizontalPodAutoscalerSpec:
    found = read(text)
    assert isinstance(found, HorizontalPodAutoscalerSpec)
    return found


def read_scaled_object(text: str) -> ScaledObject:
    found = read(text)
    assert isinstance(found, ScaledObject)
    return found


def problems_of(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        read_autoscaler_text(text, source="web.yaml")
    return str(caught.value).splitlines()


def standard_input(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), errors="surrogateescape")


def metrics(text: str) -> str:
    return HPA + "  metrics:\n" + textwrap.indent(textwrap.dedent(text), "    ")


# What is read


def test_the_autoscalers_of_the_shop_are_read() -> None:
    cpu, requests = read_autoscalers(
        [
            MANIFESTS / "autoscaling-cpu" / "hpa.yaml",
            MANIFESTS / "autoscaling-requests" / "scaledobject.yaml",
        ]
    )

    assert isinstance(cpu, HorizontalPodAutoscalerSpec)
    assert isinstance(requests, ScaledObject)
    assert cpu.metrics == (ResourceMetric("cpu", Target(TargetType.UTILIZATION, 60), "app"),)
    assert (cpu.min_replicas, cpu.max_replicas) == (2, 7)
    assert (requests.min_replicas, requests.max_replicas) == (2, 7)
    assert requests.triggers[0].threshold == 20_000
    assert requests.behavior == cpu.behavior
    assert requests.fallback is not None
    assert requests.fallback.behavior is FallbackBehavior.CURRENT_REPLICAS_IF_HIGHER


def test_the_defaults_of_the_api_are_applied() -> None:
    spec = read_hpa(HPA)

    assert spec.min_replicas == 1
    assert spec.namespace == "default"
    assert spec.behavior is None
    assert spec.metrics == (ResourceMetric("cpu", Target(TargetType.UTILIZATION, 80)),)


def test_every_source_of_a_metric_is_read() -> None:
    spec = read_hpa(
        metrics(
            """\
            - type: Resource
              resource: {name: memory, target: {type: AverageValue, averageValue: 1Gi}}
            - type: ContainerResource
              containerResource:
                {name: cpu, container: app, target: {type: Utilization, averageUtilization: 60}}
            - type: Pods
              pods: {metric: {name: requests}, target: {type: AverageValue, averageValue: 1500m}}
            - type: Object
              object:
                describedObject: {apiVersion: networking.k8s.io/v1, kind: Ingress, name: main}
                metric: {name: hits, selector: {matchLabels: {verb: GET}}}
                target: {type: Value, value: 2k}
            - type: External
              external:
                metric:
                  name: queue
                  selector:
                    matchLabels: {queue: orders}
                    matchExpressions:
                      - {key: env, operator: In, values: [b, a]}
                      - {key: zone, operator: DoesNotExist}
                target: {type: AverageValue, averageValue: 30}
            """
        )
    )

    assert spec.metrics == (
        ResourceMetric("memory", Target(TargetType.AVERAGE_VALUE, 2**30 * 1000)),
        ResourceMetric("cpu", Target(TargetType.UTILIZATION, 60), "app"),
        PodsMetric("requests", Target(TargetType.AVERAGE_VALUE, 1500)),
        ObjectMetric("hits", Target(TargetType.VALUE, 2_000_000), "Ingress/main", "verb=GET"),
        ExternalMetric(
            "queue",
            Target(TargetType.AVERAGE_VALUE, 30_000),
            "env in (a,b),queue=orders,!zone",
        ),
    )


def test_an_empty_behavior_has_the_defaults_but_none_at_all_has_other_rules() -> None:
    assert read_hpa(HPA + "  behavior: {}\n").behavior == Behavior()
    assert read_hpa(HPA + "  behavior:\n").behavior is None


def test_what_a_direction_does_not_say_has_the_default() -> None:
    spec = read_hpa(
        HPA
        + """\
  behavior:
    scaleUp: {stabilizationWindowSeconds: 60, tolerance: 50m}
    scaleDown:
      selectPolicy: Disabled
      policies: [{type: Percent, value: 10, periodSeconds: 60}]
"""
    )

    assert spec.behavior == Behavior(
        ScalingRules(DEFAULT_SCALE_UP.policies, SelectPolicy.MAX, 60, 0.05),
        ScalingRules((ScalingPolicy(PolicyType.PERCENT, 10, 60),), SelectPolicy.DISABLED),
    )
    assert read_hpa(HPA + "  behavior: {scaleDown: {}}\n").behavior == Behavior(
        DEFAULT_SCALE_UP, DEFAULT_SCALE_DOWN
    )


def test_autoscaling_v1_is_read_too() -> None:
    spec = read_hpa(HPA.replace("/v2", "/v1", 1) + "  targetCPUUtilizationPercentage: 55\n")

    assert spec.metrics == (ResourceMetric("cpu", Target(TargetType.UTILIZATION, 55)),)


def test_other_kinds_are_skipped_and_lists_are_read() -> None:
    text = f"""\
apiVersion: v1
kind: Service
metadata: {{name: "{{{{ not a template for us }}}}"}}
---
# Nothing in here.
---
apiVersion: v1
kind: List
items:
  - {{apiVersion: v1, kind: ConfigMap, metadata: {{name: settings}}}}
  - {{apiVersion: keda.sh/v1alpha1, kind: TriggerAuthentication, metadata: {{name: token}}}}
  - {yaml.safe_dump(yaml.safe_load(HPA), default_flow_style=True, width=9999).strip()}
---
{SCALED_OBJECT}{RABBITMQ}"""

    assert [one.name for one in read_autoscaler_text(text, source="")] == ["web", "worker"]


def test_merge_keys_and_anchors_are_followed() -> None:
    spec = read_hpa(
        HPA
        + """\
  behavior:
    scaleUp: &rules
      stabilizationWindowSeconds: 30
      policies: [{type: Pods, value: 2, periodSeconds: 15}]
    scaleDown:
      <<: *rules
      stabilizationWindowSeconds: 90
"""
    )

    assert spec.behavior is not None
    assert spec.behavior.scale_down == ScalingRules(
        (ScalingPolicy(PolicyType.PODS, 2, 15),), stabilization_window_seconds=90
    )


def test_merges_that_refer_to_each_other_are_taken_once() -> None:
    text = SCALED_OBJECT.replace(
        "  name: worker\n",
        "  <<: &a\n    <<: &b\n      <<: [*a, *b]\n      namespace: b\n    name: worker\n",
        1,
    )

    found = read_scaled_object(text + RABBITMQ)

    assert (found.name, found.namespace) == ("worker", "b")


@pytest.mark.parametrize("merge", ["*m{0}", "[*m{0}, *m{0}]"])
def test_many_merges_are_followed(merge: str) -> None:
    lines = [f"m{n + 1}: &m{n + 1} {{<<: {merge.format(n)}}}" for n in range(1500)]
    anchors = "\n".join(["m0: &m0 {name: worker}", *lines])
    text = SCALED_OBJECT.replace("  name: worker\n", "  <<: *m1500\n", 1)

    found = problems_of(f"{anchors}\n{text}{RABBITMQ}")

    assert all("unknown field" in one for one in found)


@pytest.mark.parametrize(
    ("written", "number"), [("010", 8), ("0x1F", 31), ("0b11", 3), ("1_000", 1000), ("+5", 5)]
)
def test_whole_numbers_are_those_of_yaml(written: str, number: int) -> None:
    text = HPA.replace("10", written) + (
        "  metrics: [{type: Pods, pods: {metric: {name: hits}, "
        f"target: {{type: AverageValue, averageValue: {written}}}}}}}]\n"
    )

    spec = read_hpa(text)

    assert spec.max_replicas == number
    assert spec.metrics[0].target.value == number * 1000


def test_standard_input_is_read_by_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    # A byte order mark is skipped, as in a file.
    monkeypatch.setattr("sys.stdin", standard_input(HPA.encode("utf-8-sig")))

    assert [one.name for one in read_autoscalers(["-"])] == ["web"]


def test_standard_input_that_is_no_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", standard_input(HPA.encode() + b"# \xfc"))

    with pytest.raises(ManifestError, match=r"^standard input: is no UTF-8 text$"):
        read_autoscalers(["-"])


def test_the_defaults_of_keda_are_applied() -> None:
    found = read_scaled_object(SCALED_OBJECT + PROMETHEUS)

    assert found.target == ScaleTarget("Deployment", "worker")
    assert (found.min_replicas, found.max_replicas, found.idle_replicas) == (0, 100, None)
    assert (found.polling_interval, found.cooldown_period) == (30, 300)
    assert (found.fallback, found.behavior, found.pause, found.formula) == (None,) * 4
    (trigger,) = found.triggers
    assert (trigger.metric_type, trigger.threshold) == (TargetType.AVERAGE_VALUE, 2500)
    assert trigger.metadata["query"] == "sum(up)"


def test_triggers_of_several_types_are_read() -> None:
    found = read_scaled_object(
        SCALED_OBJECT
        + """\
  triggers:
    - {type: cpu, metricType: Utilization, metadata: {value: "70", containerName: app}}
    - {type: memory, metadata: {type: AverageValue, value: 512Mi}}
    - {type: kafka, name: lag, useCachedMetrics: true, metadata: {activationLagThreshold: "3"}}
    - type: rabbitmq
      metricType: Value
      metadata: {value: "20"}
      authenticationRef: {name: token, kind: ClusterTriggerAuthentication}
"""
    )

    cpu, memory, kafka, rabbitmq = found.triggers
    assert (cpu.metric_type, cpu.threshold, cpu.container) == (TargetType.UTILIZATION, 70, "app")
    assert (memory.metric_type, memory.threshold) == (TargetType.AVERAGE_VALUE, 2**29 * 1000)
    assert (kafka.threshold, kafka.activation_threshold) == (10_000, 3000)
    assert (kafka.name, kafka.use_cached_metrics) == ("lag", True)
    assert (rabbitmq.metric_type, rabbitmq.threshold) == (TargetType.VALUE, 20_000)


@pytest.mark.parametrize(
    ("annotation", "pause"),
    [
        ('paused: "true"', Pause()),
        ('paused: "yes"', Pause()),
        ('paused: "false"', None),
        ('paused-replicas: "0"', Pause(0)),
        ('paused-scale-in: "true"', Pause(only_scale_in=True)),
        ('paused-scale-out: "true"', Pause(only_scale_out=True)),
    ],
)
def test_pause_annotations_are_read(annotation: str, pause: Pause | None) -> None:
    annotations = f"  annotations:\n    autoscaling.keda.sh/{annotation}\n"
    text = SCALED_OBJECT.replace("spec:\n", f"{annotations}spec:\n")

    assert read_scaled_object(text + PROMETHEUS).pause == pause


def test_a_formula_is_read_so_that_it_can_be_refused_later() -> None:
    modifiers = '  advanced: {scalingModifiers: {formula: a + b, target: "2"}}\n'

    assert read_scaled_object(SCALED_OBJECT + modifiers + PROMETHEUS).formula == "a + b"


# What is refused


def test_all_problems_are_reported_in_the_order_of_the_lines() -> None:
    text = metrics(
        """\
        - type: Resource
          resource:
            name: cpu
            target:
              type: Utilization
              averageUtilisation: 60
        - type: Pod
        - type: Pods
          pods: {metric: {name: hits}, target: {type: AverageValue, averageValue: 5x}}
        """
    )
    text += "  minReplicas: 20\n  maxReplica: 10\n"

    target = "spec.metrics[0].resource.target"
    assert problems_of(text) == [
        "web.yaml:7: spec.maxReplicas: must be at least minReplicas (20), but is 10",
        f"web.yaml:13: {target}.averageUtilization: missing",
        f"web.yaml:14: {target}.averageUtilisation: unknown field; "
        "did you mean averageUtilization?",
        "web.yaml:15: spec.metrics[1].type: must be Resource, ContainerResource, Pods, Object or "
        "External, but is Pod; did you mean Pods?",
        "web.yaml:17: spec.metrics[2].pods.target.averageValue: '5x' is not a quantity such "
        "as 250m, 1.5 or 128Mi",
        "web.yaml:19: spec.maxReplica: unknown field; did you mean maxReplicas?",
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "name: web\nspec",
            "name: 7\nspec",
            '4: metadata.name: must be a text, but is a number (7): write "7"',
        ),
        ("name: web\nspec", "name: Web\nspec", "4: metadata.name: is no name of an object: Web"),
        ("name: web\nspec", "nam: web\nspec", "4: metadata.name: missing"),
        (
            "apiVersion: apps/v1, ",
            "",
            "6: spec.scaleTargetRef.apiVersion: missing; the controller finds no "
            "Deployment without it",
        ),
        ("maxReplicas: 10", "minReplicas: 1", "6: spec.maxReplicas: missing"),
        ("maxReplicas: 10", "maxReplicas: 0", "7: spec.maxReplicas: must be at least 1, but is 0"),
        (
            "maxReplicas: 10",
            "maxReplicas: ten",
            "7: spec.maxReplicas: must be a whole number, but is a text (ten)",
        ),
        (
            "maxReplicas: 10",
            "maxReplicas: 1.5",
            "7: spec.maxReplicas: must be a whole number, but is a number (1.5)",
        ),
        (
            "maxReplicas: 10",
            "maxReplicas: 3000000000",
            "7: spec.maxReplicas: must be at most 2147483647, but is 3000000000",
        ),
        (
            "maxReplicas: 10",
            "maxReplicas: 10\n  maxReplicas: 20",
            "8: spec.maxReplicas: duplicate field",
        ),
        (
            "maxReplicas: 10",
            "maxReplicas: 10\n  minReplicas: 0",
            "8: spec.minReplicas: 0 needs a metric of the type Object or External",
        ),
        (
            "maxReplicas: 10",
            "maxReplicas: 10\n  metrics: {}",
            "8: spec.metrics: must be a list, but is a mapping",
        ),
        (
            "maxReplicas: 10",
            "maxReplicas: 10\n  metrics: [cpu]",
            "8: spec.metrics[0]: must be a mapping, but is a text (cpu)",
        ),
        ("kind: Horizontal", "kynd: Horizontal", "1: kind: missing"),
        (
            "PodAutoscaler",
            "PodAutoScaler",
            "2: kind: unknown kind HorizontalPodAutoScaler; did you mean HorizontalPodAutoscaler?",
        ),
        (
            "autoscaling/v2",
            "autoscaling/v2beta2",
            "1: apiVersion: autoscaling/v2beta2 is not supported; use autoscaling/v2",
        ),
        ("metadata:\n  name: web\n", "", "1: metadata: missing"),
        (
            "maxReplicas: 10",
            "maxReplicas: 1:30",
            "7: spec.maxReplicas: must be a whole number, but is a number (1:30)",
        ),
        (
            "maxReplicas: 10",
            "maxReplicas: !!int ''",
            "7: spec.maxReplicas: must be a whole number, but is a number ()",
        ),
    ],
)
def test_a_wrong_field_is_named_with_its_line(old: str, new: str, problem: str) -> None:
    assert f"web.yaml:{problem}" in problems_of(HPA.replace(old, new, 1))


@pytest.mark.parametrize(
    ("start", "spec", "problem"),
    [
        (HPA, "spec:", "5: spec: missing"),
        (HPA.replace("/v2", "/v1", 1), "spec:", "5: spec: missing"),
        (SCALED_OBJECT, "spec:", "5: spec: missing"),
        (HPA, "spec: 7", "5: spec: must be a mapping, but is a number (7)"),
        (SCALED_OBJECT, "spec: []", "5: spec: must be a mapping, but is a list"),
        (
            HPA,
            "spec: {maxReplicas: 5, scaleTargetRef: }",
            "5: spec.scaleTargetRef: missing",
        ),
        (
            SCALED_OBJECT + PROMETHEUS,
            "spec: {scaleTargetRef: {name: web}, triggers: [7]}",
            "5: spec.triggers[0]: must be a mapping, but is a number (7)",
        ),
    ],
)
def test_nothing_more_is_said_of_the_fields_of_what_is_no_mapping(
    start: str, spec: str, problem: str
) -> None:
    text = start.partition("spec:")[0] + spec + "\n"

    assert problems_of(text) == [f"web.yaml:{problem}"]


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("{}", "type: missing"),
        ("{type: Value, value: 1}", "type: must be Utilization or AverageValue, but is Value"),
        ("{type: Utilization}", "averageUtilization: missing"),
        (
            "{type: Utilization, averageUtilization: 0}",
            "averageUtilization: must be at least 1, but is 0",
        ),
        ("{type: AverageValue, averageValue: -1}", "averageValue: must be above 0, but is -1"),
        (
            "{type: AverageValue, averageValue: true}",
            "averageValue: must be a quantity, but is true or false (true)",
        ),
        (
            "{type: AverageValue, averageValue: 1, averageUtilization: 5}",
            "averageUtilization: set, but the type is AverageValue, which has averageValue",
        ),
    ],
)
def test_the_target_has_exactly_the_value_of_its_type(target: str, problem: str) -> None:
    text = metrics(f"- {{type: Resource, resource: {{name: cpu, target: {target}}}}}")

    assert f"web.yaml:9: spec.metrics[0].resource.target.{problem}" in problems_of(text)


def test_a_metric_has_exactly_the_source_of_its_type() -> None:
    source = "{metric: {name: hits}, target: {type: AverageValue, averageValue: 1}}"
    text = metrics(f"- {{type: Pods, external: {source}}}")

    assert problems_of(text) == [
        "web.yaml:9: spec.metrics[0].external: set, but the type is Pods",
        "web.yaml:9: spec.metrics[0].pods: missing",
    ]


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        (
            "{stabilizationWindowSeconds: 3601}",
            "stabilizationWindowSeconds: must be at most 3600, but is 3601",
        ),
        (
            "{stabilizationWindowSeconds: -1}",
            "stabilizationWindowSeconds: must be at least 0, but is -1",
        ),
        (
            "{stabilisationWindowSeconds: 1}",
            "stabilisationWindowSeconds: unknown field; did you mean stabilizationWindowSeconds?",
        ),
        (
            "{selectPolicy: max}",
            "selectPolicy: must be Max, Min or Disabled, but is max; did you mean Max?",
        ),
        ("{policies: []}", "policies: must have at least one policy"),
        (
            "{policies: [{type: Pods, value: 0, periodSeconds: 15}]}",
            "policies[0].value: must be at least 1, but is 0",
        ),
        (
            "{policies: [{type: Pods, value: 1, periodSeconds: 1801}]}",
            "policies[0].periodSeconds: must be at most 1800, but is 1801",
        ),
        ("{policies: [{type: Pods, value: 1}]}", "policies[0].periodSeconds: missing"),
        ("{tolerance: -0.1}", "tolerance: must not be negative, but is -0.1"),
        ("{tolerance: 5 %}", "tolerance: '5 %' is not a quantity such as 250m, 1.5 or 128Mi"),
    ],
)
def test_the_bounds_of_behavior_are_those_of_the_api(rules: str, problem: str) -> None:
    text = f"{HPA}  behavior: {{scaleUp: {rules}}}\n"

    assert problems_of(text) == [f"web.yaml:8: spec.behavior.scaleUp.{problem}"]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("maxReplicas", "maxReplicas", "spec.triggers: missing"),
        ("triggers:", "triggers: []\n  other:", "spec.triggers: must have at least one trigger"),
        (
            '"2.5"',
            "2.5",
            "spec.triggers[0].metadata.threshold: must be a text, but is a number (2.5): "
            'write "2.5"',
        ),
        ('"2.5"', '"0"', "spec.triggers[0].metadata.threshold: must be above 0, but is 0"),
        ('"2.5"', '"2m"', "spec.triggers[0].metadata.threshold: is no number: 2m"),
        ("query:", "qery:", "spec.triggers[0].metadata.qery: unknown field; did you mean query?"),
        (
            "type: prometheus",
            "type: promethues",
            "spec.triggers[0].type: which field has the target of a trigger "
            "promethues is not known; did you mean prometheus?",
        ),
        (
            "type: prometheus",
            "type: prometheus\n      metricType: Utilization",
            "spec.triggers[0].metricType: must be AverageValue or Value, but is Utilization",
        ),
        (
            "triggers:",
            "minReplicaCount: 5\n  maxReplicaCount: 4\n  triggers:",
            "spec.maxReplicaCount: must be at least minReplicaCount (5), but is 4",
        ),
        (
            "triggers:",
            "idleReplicaCount: 0\n  triggers:",
            "spec.idleReplicaCount: must be below minReplicaCount (0), but is 0",
        ),
        (
            "triggers:",
            "fallback: {replicas: 3}\n  triggers:",
            "spec.fallback.failureThreshold: missing",
        ),
        (
            "triggers:",
            "fallback: {replicas: 3, failureThreshold: 3, behavior: scalingModifiers}\n  triggers:",
            "spec.fallback.behavior: must be static, currentReplicas, "
            "currentReplicasIfHigher or currentReplicasIfLower, but is "
            "scalingModifiers",
        ),
        (
            "triggers:",
            "pollingIntervall: 5\n  triggers:",
            "spec.pollingIntervall: unknown field; did you mean pollingInterval?",
        ),
        (
            "keda.sh/v1alpha1",
            "keda.k8s.io/v1alpha1",
            "apiVersion: keda.k8s.io/v1alpha1 is not supported; use keda.sh/v1alpha1",
        ),
    ],
)
def test_a_wrong_field_of_a_scaled_object_is_named(old: str, new: str, problem: str) -> None:
    text = SCALED_OBJECT + ("" if old == new else PROMETHEUS)
    found = [line.split(": ", 1)[1] for line in problems_of(text.replace(old, new, 1))]

    assert problem in found


def test_a_fallback_needs_a_trigger_that_can_fall_back() -> None:
    text = SCALED_OBJECT + (
        "  fallback: {failureThreshold: 3, replicas: 3}\n"
        '  triggers: [{type: cpu, metricType: Utilization, metadata: {value: "60"}}]\n'
    )

    assert problems_of(text) == [
        "web.yaml:7: spec.fallback: needs a trigger that is not cpu or memory"
    ]


def test_a_trigger_with_the_type_value_can_fall_back() -> None:
    found = read_scaled_object(
        SCALED_OBJECT
        + "  fallback: {failureThreshold: 3, replicas: 3}\n"
        + '  triggers: [{type: rabbitmq, metricType: Value, metadata: {value: "60"}}]\n'
    )

    assert found.fallback is not None


def test_triggers_of_one_name_are_refused() -> None:
    one = '{type: rabbitmq, name: orders, metadata: {value: "1"}}'

    assert problems_of(f"{SCALED_OBJECT}  triggers: [{one}, {one}]\n") == [
        "web.yaml:7: spec.triggers[1].name: another trigger has the name orders too"
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "web.yaml: neither a HorizontalPodAutoscaler nor a ScaledObject is in it"),
        ("kind: [", "web.yaml:2: no YAML: did not find expected node content"),
        ("local k = import 'k.libsonnet';", "web.yaml:1: is no Kubernetes object"),
        ("[" * 100_000, "web.yaml:1: no YAML: nested too deeply"),
        (
            "x: \x01",
            "web.yaml: no YAML: unacceptable character #x0001: control characters are not allowed",
        ),
        (
            HPA.replace("10", "{{ .Values.max }}"),
            "web.yaml:7: is a template ({{ … }}); render it first, for example with helm template",
        ),
        (
            "{{- if .Values.hpa }}\n" + HPA,
            "web.yaml:1: is a template ({{ … }}); render it first, for example with helm template",
        ),
        (
            "{apiVersion: v1, kind: List, items: &a [{apiVersion: v1, kind: List, items: *a}]}",
            "web.yaml:1: items[0].kind: a list in a list",
        ),
    ],
)
def test_a_file_that_holds_no_manifest_is_refused_in_one_line(text: str, problem: str) -> None:
    assert problems_of(text) == [problem]


def test_the_problems_of_all_files_are_reported(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(HPA.replace("maxReplicas", "max"))
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("# größe".encode("latin-1"))
    jsonnet = tmp_path / "hpa.jsonnet"

    with pytest.raises(ManifestError) as caught:
        read_autoscalers([broken, tmp_path / "absent.yaml", tmp_path, latin, jsonnet])

    assert str(caught.value).splitlines() == [
        f"{broken}:6: spec.maxReplicas: missing",
        f"{broken}:7: spec.max: unknown field",
        f"{tmp_path / 'absent.yaml'}: No such file or directory",
        f"{tmp_path}: is a folder; render it: kubectl kustomize {tmp_path} > rendered.yaml",
        f"{latin}: is no UTF-8 text",
        f"{jsonnet}: is Jsonnet, not YAML; render it first",
    ]


# Objects of an API


@pytest.mark.parametrize("text", [HPA, SCALED_OBJECT + PROMETHEUS])
def test_an_object_of_the_api_is_the_same_as_its_manifest(text: str) -> None:
    assert autoscaler_from_object(yaml.safe_load(text)) == read(text)


def test_unknown_fields_of_an_object_of_the_api_are_ignored() -> None:
    obj = yaml.safe_load(HPA)
    obj["spec"]["syncPeriodSeconds"] = 5
    obj["status"] = {"desiredReplicas": 3}

    assert autoscaler_from_object(obj) == read(HPA)


def test_a_trigger_of_an_unknown_type_of_an_object_of_the_api_is_read() -> None:
    obj = yaml.safe_load(SCALED_OBJECT + RABBITMQ)
    obj["spec"]["triggers"].insert(0, {"type": "solr", "metadata": {"collection": "orders"}})

    found = autoscaler_from_object(obj)

    assert isinstance(found, ScaledObject)
    assert [one.type for one in found.triggers] == ["solr", "rabbitmq"]


def test_an_object_of_another_kind_is_refused() -> None:
    with pytest.raises(ManifestError, match="Pod/web: Pod of v1 is no autoscaler"):
        autoscaler_from_object({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}})


# Whatever an object holds


JUNK = [None, 0, -1, 1.5, True, "", "x", [], {}, [None], {"a": 1}, "9" * 5000, 10**400]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_manifest_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    manifest = yaml.safe_load(
        data.draw(st.sampled_from([HPA + "  behavior: {scaleUp: {}}\n", SCALED_OBJECT + RABBITMQ]))
    )
    holder, key = data.draw(st.sampled_from(list(_places(manifest))))
    holder[key] = data.draw(st.sampled_from(JUNK))

    with suppress(ManifestError):
        autoscaler_from_object(manifest)
    with suppress(ManifestError):
        read_autoscaler_text(yaml.safe_dump(manifest), source="web.yaml")


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document, as what holds it and its key or index."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield value, key
        yield from _places(value[key])
