"""Pods that do not serve, with the reason."""

import re
from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.pod_problems import PodProblem, problem_of
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import owner_of
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.doctor.words import count
from cartwheel.kubernetes.errors import ClusterError

# The scheduler writes no names of nodes.
NOT_TAKEN = re.compile(r"were unschedulable|untolerated taint|not ready", re.IGNORECASE)
SAYS = {
    "Unschedulable": "no node has room for {pods}",
    "CrashLoopBackOff": "{pods} crash{es} again and again",
    "CreateContainerConfigError": "{pods} lack{s} a part of the configuration",
    "NotReady": "{pods} {are} not ready",
    "Terminating": "{pods} {are} being deleted and stay{s}",
}


def examine(view: ClusterView) -> Iterator[Outcome]:
    pods = view.list("pods")
    groups: dict[tuple[str, str], list[PodProblem]] = {}
    for pod in pods:
        problem = problem_of(view, pod)
        # Missing images are a check of their own.
        if problem and not problem.image:
            groups.setdefault((owner_of(pod), problem.reason), []).append(problem)
    for (owner, reason), problems in groups.items():
        yield Finding(
            about=owner,
            problem=_sentence(reason, [each.pod for each in problems]),
            evidence=str(problems[0]),
            command=_remedy(view, reason, problems[0]),
            follows_from=_causes(view, problems[0]) if reason == "Unschedulable" else [],
        )
    if not groups:
        yield Healthy(count(len(pods), "pod"))


def _sentence(reason: str, pods: list[str]) -> str:
    one = len(pods) == 1
    template = SAYS.get(reason, "{pods} {are} not running")
    return template.format(
        pods=f"its pod {pods[0]}" if one else f"{len(pods)} of its pods",
        are="is" if one else "are",
        s="s" if one else "",
        es="es" if one else "",
    )


def _causes(view: ClusterView, problem: PodProblem) -> list[str]:
    """The nodes that the scheduler leaves out for something else than lack of room."""
    if NOT_TAKEN.search(problem.message) is None:
        return []
    try:
        nodes = view.get("/api/v1/nodes")["items"]
    except ClusterError:
        return []
    return [f"nodes node/{node['metadata']['name']}" for node in nodes]


def _remedy(view: ClusterView, reason: str, problem: PodProblem) -> str:
    if reason == "Unschedulable":
        return view.kubectl("describe nodes", "") + " | grep -A 8 '^Allocated'"
    if reason == "CrashLoopBackOff":
        return view.kubectl(
            f"logs {problem.pod} --container {problem.container} --previous --tail 20"
        )
    return view.kubectl(f"describe pod {problem.pod}")


CHECK = Check("pods", "pods that are Pending, crash or are not ready, with the reason", examine)
