"""Autoscalers of a cluster, explained from its recorded responses.

`recorded/*.json` were recorded with `record_cluster.py` on a cluster in that state.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cartwheel.errors import CommandError, UsageError
from cartwheel.explain.cluster_explainer import ClusterExplainer
from cartwheel.explain.command import commands
from cartwheel.explain.explanation import Explanation
from cartwheel.explain.terminal import to_json
from cartwheel.kubernetes import errors
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.cluster import NO_CONTEXT
from cartwheel.kubernetes.controller_options import arguments_from
from cartwheel.kubernetes.errors import ClusterError, Forbidden
from tests.kubernetes.recorded_cluster import RecordedCluster

Responses = dict[str, Json | ClusterError]

RECORDED = Path(__file__).with_name("recorded")
ARGUMENTS = arguments_from(
    "sync-period=1s,cpu-initialization-period=30s,initial-readiness-delay=10s"
)


def recording(state: str) -> tuple[dict[str, Any], Responses]:
    recorded = json.loads((RECORDED / f"{state}.json").read_text())
    return recorded, {path: response_of(one) for path, one in recorded["responses"].items()}


def response_of(recorded: Json) -> Json | ClusterError:
    if "error" not in recorded:
        return recorded
    error: ClusterError = getattr(errors, recorded["error"])(recorded["message"])
    return error


def explain(
    state: str, *, reference: str | None = None, change: Callable[[Responses], None] | None = None
) -> Sequence[Explanation]:
    """Explain a recorded state, or one that ``change`` makes of it."""
    recorded, responses = recording(state)
    if change is not None:
        change(responses)
    explainer = ClusterExplainer(
        RecordedCluster(responses),
        recorded["namespace"],
        source="",
        arguments=ARGUMENTS,
        clock=lambda: recorded["at"],
    )
    return explainer.explain(reference or recorded["reference"])


def texts(explanation: Explanation) -> list[str]:
    return [one.text for one in explanation.sentences]


@pytest.mark.parametrize(
    ("state", "sentences"),
    [
        (
            "rising",
            [
                "Deployment cart goes from 2 to 4 replicas.",
                "The metric s0-prometheus is 31.4 per replica; the target is 20 per replica.",
                "It proposes 4 replicas: 1.57 × 2 replicas that exist, rounded up.",
            ],
        ),
        (
            "at-max",
            ["Deployment cart stays at 3 replicas.", "maxReplicas is 3; without it 5."],
        ),
        (
            "stabilising",
            [
                "Deployment cart stays at 7 replicas.",
                "Stabilization holds it at 7 instead of 3: the highest recommendation of the last "
                "20 s was 7, and it counts for another 20 s.",
                "The controller's earlier recommendations are not visible, so the time left may "
                "be shorter; --watch finds out.",
            ],
        ),
        (
            "rollout",
            [
                "The workload has 5 replicas now and is to have 4: a rollout or a change is under "
                "way.",
                "A rollout is under way: 3 of 4 replicas have the new version, and 2 of the old "
                "version still run.",
            ],
        ),
        (
            "metric-missing",
            [
                "Deployment blind stays at 2 replicas.",
                "queue-length could not be used: unable to get external metric "
                "explain-states/queue-length/nil: unable to fetch metrics from external metrics "
                "API: scaledObject name is not specified.",
                "A metric is missing, and the others would scale down: nothing changes.",
            ],
        ),
        (
            "fallback",
            [
                "The metric s0-prometheus could not be read (4 failures in a row): KEDA reports "
                "the value of its fallback instead, 20 per replica. The target is 20 per replica.",
                "The fallback of ScaledObject cart asks for 4 replicas, or the current number if "
                "that is higher.",
            ],
        ),
        (
            "no-request",
            [
                "Deployment bare stays at 1 replica.",
                "CPU could not be used: missing request for cpu in container web of Pod "
                "bare-7445f4dcf5-bvkp5.",
            ],
        ),
        (
            "two-autoscalers",
            [
                "Nothing is scaled: pods by selector app=twice are controlled by multiple HPAs: "
                "[explain-states/twice-cpu explain-states/twice-memory].",
                "hpa/twice-memory scales Deployment twice too: delete all but one. The controller "
                "stops both as soon as it sees that they select the same pods (AmbiguousSelector).",
            ],
        ),
        (
            "paused",
            [
                "Deployment cart stays at 4 replicas: no HorizontalPodAutoscaler of ScaledObject "
                "cart exists.",
                "An annotation of KEDA pauses it at the current number; its autoscaler is deleted "
                "until the annotation goes.",
            ],
        ),
    ],
)
def test_each_state_is_named_in_a_sentence(state: str, sentences: Sequence[str]) -> None:
    found = texts(explain(state)[0])

    assert [one for one in found if one in sentences] == sentences


def replace_where(responses: Responses, part: str, response: Json | ClusterError) -> None:
    """Every response whose path has this part."""
    for path in [path for path in responses if part in path]:
        responses[path] = response


def test_a_viewer_reads_what_the_status_says_and_what_is_not_visible() -> None:
    def take_rights(responses: Responses) -> None:
        replace_where(responses, "external.metrics.k8s.io/", Forbidden("no right."))
        replace_where(responses, "/scaledobjects", Forbidden("no right."))

    found = explain("at-max", change=take_rights)[0]

    # The value is that of the last sync.
    assert "The metric s0-prometheus is 34.7 per replica; the target is 20 per replica." in texts(
        found
    )
    assert found.notes == [
        "Not visible: ScaledObjects of KEDA (no right).",
        "Not visible: external.metrics.k8s.io (no right).",
        "Taken from the status, as of the last sync: s0-prometheus.",
    ]


def test_without_any_right_but_that_to_the_autoscaler_the_status_has_to_do() -> None:
    def take_rights(responses: Responses) -> None:
        for part in ("/deployments/", "/pods?", "metrics.k8s.io/"):
            replace_where(responses, part, Forbidden("no right."))

    found = explain("metric-missing", change=take_rights)[0]

    assert found.decision is None
    assert texts(found) == [
        "Deployment blind had 2 replicas at the last sync, which wanted 0.",
        "CPU was 0 % of the request; the target is 60 % of the request.",
        "AbleToScale is True (SucceededGetScale): the HPA controller was able to get the target's "
        "current scale.",
        "ScalingActive is False (FailedGetExternalMetric): the HPA was unable to compute the "
        "replica count: unable to get external metric explain-states/queue-length/nil: unable to "
        "fetch metrics from external metrics API: scaledObject name is not specified.",
    ]
    assert "Not visible: Deployment blind (no right)." in found.notes


def test_a_workload_that_does_not_exist_is_named_first() -> None:
    def delete(responses: Responses) -> None:
        for path in [path for path in responses if "/deployments/" in path]:
            del responses[path]

    found = texts(explain("no-request", change=delete)[0])

    assert found[0] == ("There is no Deployment bare in this namespace: nothing can be scaled.")


def pods_of(responses: Responses) -> list[dict[str, Any]]:
    path = next(path for path in responses if path.startswith("/api/v1/") and "=app" in path)
    response = responses[path]
    assert isinstance(response, Mapping)
    pods: list[dict[str, Any]] = response["items"]
    return pods


def test_a_resize_and_a_pod_that_does_not_run_are_named() -> None:
    def change(responses: Responses) -> None:
        pod = pods_of(responses)[0]
        pod["status"]["conditions"].append({"type": "PodResizeInProgress", "status": "True"})
        waiting = {"name": "web", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
        pod["status"]["containerStatuses"] = [waiting]

    found = texts(explain("no-request", change=change)[0])

    assert "bare-7445f4dcf5-bvkp5 does not run: container web: CrashLoopBackOff." in found
    assert any("bare-7445f4dcf5-bvkp5 is being resized (InProgress)" in one for one in found)


def test_pods_that_no_node_takes_are_counted() -> None:
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: no CPU."}

    def change(responses: Responses) -> None:
        for pod in pods_of(responses):
            pod["status"]["conditions"] = [condition]

    found = texts(explain("metric-missing", change=change)[0])

    assert "2 pods do not run: 0/1 nodes: no CPU." in found


def test_a_vertical_autoscaler_of_the_same_workload_is_named() -> None:
    def change(responses: Responses) -> None:
        groups = responses["/apis"]
        assert isinstance(groups, Mapping)
        version = {"name": "autoscaling.k8s.io", "preferredVersion": {"version": "v1"}}
        groups["groups"].append(version)
        path = "/apis/autoscaling.k8s.io/v1/namespaces/explain-states/verticalpodautoscalers"
        responses[path] = {
            "items": [{"spec": {"targetRef": {"kind": "Deployment", "name": "bare"}}}]
        }

    found = texts(explain("no-request", change=change)[0])

    assert any(one.startswith("A VerticalPodAutoscaler may change the requests") for one in found)


def add_scaled_object(responses: Responses, **trigger: Any) -> None:
    """A ScaledObject of which KEDA has made no autoscaler."""
    path = next(path for path in responses if path.endswith("/scaledobjects"))
    response = responses[path]
    assert isinstance(response, Mapping)
    spec = {"scaleTargetRef": {"name": "search"}, "triggers": [trigger]}
    name = {"name": "search", "namespace": "explain-states"}
    response["items"].append({"metadata": name, "spec": spec})


def explain_all(change: Callable[[Responses], None]) -> Sequence[Explanation]:
    recorded, responses = recording("at-max")
    change(responses)
    explainer = ClusterExplainer(
        RecordedCluster(responses), recorded["namespace"], source="", arguments=ARGUMENTS
    )
    return explainer.explain(None)


def test_an_autoscaler_that_cannot_be_read_is_named_beside_the_others() -> None:
    found = explain_all(lambda responses: add_scaled_object(responses, type="kafka", metadata=7))

    others, unreadable = found[:-1], found[-1]
    assert others
    assert all(one.decision is not None for one in others)
    assert unreadable.title == "scaledobject/search"
    assert texts(unreadable)[0] == (
        "scaledobject/search cannot be read: spec.triggers[0].metadata: must be a mapping, but is "
        "a number (7)."
    )
    assert to_json(found)[-1]["title"] == "scaledobject/search"


def test_a_trigger_of_an_unknown_type_is_explained() -> None:
    found = explain_all(lambda responses: add_scaled_object(responses, type="solr", metadata={}))

    assert texts(found[-1])[0].endswith("no HorizontalPodAutoscaler of ScaledObject search exists.")


def test_watching_remembers_what_was_recommended() -> None:
    recorded, responses = recording("stabilising")
    times = iter([recorded["at"], recorded["at"] + 15])
    explainer = ClusterExplainer(
        RecordedCluster(responses),
        recorded["namespace"],
        source="",
        arguments=ARGUMENTS,
        clock=lambda: next(times),
    )

    explainer.explain("hpa/cart")
    found = texts(explainer.explain("hpa/cart")[0])

    assert any("was 7, and it counts for another 5 s" in one for one in found)
    assert not any("--watch" in one for one in found)


@pytest.mark.parametrize(
    "reference",
    [
        "hpa/twice-cpu",
        "horizontalpodautoscalers/twice-cpu",
        "HPA/twice-cpu",
        "horizontalpodautoscaler.autoscaling/twice-cpu",
    ],
)
def test_an_autoscaler_is_named_as_kubectl_names_it(reference: str) -> None:
    assert [one.title for one in explain("two-autoscalers", reference=reference)] == [
        "hpa/twice-cpu"
    ]


@pytest.mark.parametrize(
    "reference", ["deployment/twice", "deployments/twice", "deploy/twice", "deployment.apps/twice"]
)
def test_a_workload_means_all_of_its_autoscalers(reference: str) -> None:
    assert len(explain("two-autoscalers", reference=reference)) == 2


@pytest.mark.parametrize(
    ("reference", "error", "message"),
    [
        ("hpa/web", CommandError, "No hpa/web in namespace explain-states"),
        ("deployment/web", CommandError, "No autoscaler of deployment/web in namespace"),
        (
            "ingress.networking.k8s.io/web",
            CommandError,
            "No autoscaler of ingress/web in namespace",
        ),
        ("web", UsageError, "write hpa/NAME, scaledobject/NAME or deployment/NAME"),
    ],
)
def test_what_is_not_there_is_an_error(
    reference: str, error: type[CommandError], message: str
) -> None:
    with pytest.raises(error, match=message):
        explain("two-autoscalers", reference=reference)


@pytest.mark.parametrize(
    ("annotations", "sentence"),
    [
        ({"paused-scale-in": "true"}, "An annotation of KEDA pauses scaling in: the count can"),
        ({"paused-scale-out": "true"}, "An annotation of KEDA pauses scaling out: the count can"),
        ({"paused-replicas": "3"}, "An annotation of KEDA pauses it at 3 replicas; its"),
        ({"paused-replicas": "x"}, "ScaledObject cart: the annotation autoscaling.keda.sh/paused"),
        ({"paused": "false"}, None),
        ({}, None),
    ],
)
def test_a_pause_is_explained_by_its_annotation(
    annotations: Mapping[str, str], sentence: str | None
) -> None:
    def annotate(responses: Responses) -> None:
        path = next(one for one in responses if one.endswith("/scaledobjects"))
        changed = json.loads(json.dumps(responses[path]))
        given = {f"autoscaling.keda.sh/{name}": value for name, value in annotations.items()}
        changed["items"][0]["metadata"]["annotations"] = given
        responses[path] = changed

    (found,) = explain("rising", change=annotate)

    about = [one for one in texts(found) if "annotation" in one or "paused" in one]
    assert [one.startswith(sentence or "") for one in about] == [True] * (sentence is not None)


def test_a_namespace_that_does_not_exist_is_named() -> None:
    def remove(responses: Responses) -> None:
        for path, response in responses.items():
            if "/namespaces/explain-states/" in path and "items" in response:
                responses[path] = {**response, "items": []}
        responses["/api/v1/namespaces/explain-states"] = errors.NotFound("not found")

    with pytest.raises(errors.NotFound, match=r"^Namespace explain-states does not exist\.$"):
        explain("two-autoscalers", reference="hpa/web", change=remove)


def test_an_unknown_type_of_metric_keeps_no_other_autoscaler_from_being_explained() -> None:
    def add_metric(responses: Responses) -> None:
        path = next(one for one in responses if one.endswith("/horizontalpodautoscalers"))
        changed = json.loads(json.dumps(responses[path]))
        changed["items"][2]["spec"]["metrics"] = [{"type": "Node", "node": {}}]
        responses[path] = changed

    first, second = explain("two-autoscalers", reference="deployment/twice", change=add_metric)

    assert texts(first)[0].startswith("hpa/twice-cpu cannot be read: ")
    assert "Node" in texts(first)[0]
    assert texts(second)[0] == "Deployment twice stays at 1 replica."


FAKE_KUBECTL = """#!{python}
import json, sys
from pathlib import Path
arguments = [one for one in sys.argv[1:] if not one.startswith("--context")]
if arguments[0] == "config":
    context = {{"name": "kind-cartwheel", "context": {{"namespace": "explain-states"}}}}
    print(json.dumps({{"contexts": [context]}}))
    sys.exit()
responses = json.loads(Path({recorded!r}).read_text())["responses"]
response = responses.get(arguments[2], {{"error": "NotFound", "message": "not recorded"}})
if "error" in response:
    sys.exit(f"Error from server ({{response['error']}}): {{response['message']}}")
print(json.dumps(response))
"""


@pytest.fixture
def recorded_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kubectl in the PATH that responds as the cluster with two autoscalers did."""
    recorded = str(RECORDED / "two-autoscalers.json")
    program = tmp_path / "kubectl"
    program.write_text(FAKE_KUBECTL.format(python=sys.executable, recorded=recorded))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("recorded_kubectl")
def test_the_command_explains_the_namespace_of_the_context() -> None:
    result = CliRunner().invoke(commands, ["horizontalpodautoscaler.autoscaling/twice-cpu"])

    assert result.exit_code == 0, result.output
    assert "namespace explain-states of kind-cartwheel" in result.output
    assert "Deployment twice stays at 1 replica." in result.output
    assert "The controller's flags are not visible." in result.output


def test_without_a_context_no_cluster_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "kubectl"
    program.write_text(
        "#!/bin/sh\n"
        'case "$1" in config) echo "error: current-context must exist in order to minify";;\n'
        '*) echo "Error from server (NotFound): the server could not find it";; esac >&2\nexit 1\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    result = CliRunner().invoke(commands, ["--all", "-n", "shop"], standalone_mode=False)

    assert isinstance(result.exception, errors.Unreachable)
    assert str(result.exception) == NO_CONTEXT


@pytest.mark.usefixtures("recorded_kubectl")
def test_programs_read_json() -> None:
    arguments = ["deployment/twice", "-n", "explain-states", "--controller", "sync-period=1s"]

    result = CliRunner().invoke(commands, [*arguments, "--json"])

    first, second = json.loads(result.output)
    headline = {"text": "Deployment twice stays at 1 replica.", "basis": "computed"}
    assert first["sentences"][0] == second["sentences"][0] == headline
    assert first["notes"] == []
