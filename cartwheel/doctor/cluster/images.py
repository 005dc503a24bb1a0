"""Images that a node cannot get."""

from collections.abc import Iterator

from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.pod_problems import PodProblem, problem_of
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import owner_of
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.doctor.words import count


def examine(view: ClusterView) -> Iterator[Outcome]:
    missing: dict[tuple[str, str], list[PodProblem]] = {}
    images: set[str] = set()
    for pod in view.list("pods"):
        images |= {container["image"] for container in pod["spec"]["containers"]}
        problem = problem_of(view, pod)
        if problem and problem.image:
            missing.setdefault((owner_of(pod), problem.image), []).append(problem)
    for (owner, image), problems in missing.items():
        yield _finding(view, owner, image, problems)
    if not missing:
        yield Healthy(count(len(images), "image"))


def _finding(view: ClusterView, owner: str, image: str, problems: list[PodProblem]) -> Finding:
    first = problems[0]
    pods = first.pod if len(problems) == 1 else count(len(problems), "pod")
    return Finding(
        about=owner,
        problem=f"the node cannot get its image {image}",
        evidence=f"{pods}: {first}",
        command=_remedy(view, first, image),
    )


def _remedy(view: ClusterView, problem: PodProblem, image: str) -> str:
    # A kind node has what was loaded into it; every other node pulls from a registry.
    if view.kind_cluster:
        return f"kind load docker-image {image} --name {view.kind_cluster}"
    return view.kubectl(f"describe pod {problem.pod}")


CHECK = Check("images", "images that a node cannot pull or does not have", examine)
