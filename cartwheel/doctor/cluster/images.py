"""Images that a node cannot get."""

from collections.abc import Iterator

from cartwheel.cluster import tools
from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.pod_problems import PodProblem, problem_of
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.cluster.workloads import owner_of
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.doctor.words import count
from cartwheel.kubernetes.api import Json


def examine(view: ClusterView) -> Iterator[Outcome]:
    missing: dict[tuple[str, str, str], list[PodProblem]] = {}
    images: set[str] = set()
    for pod in view.list("pods"):
        images |= {container["image"] for container in pod["spec"]["containers"]}
        problem = problem_of(view, pod)
        if problem and problem.image:
            policy = _pull_policy(pod, problem.container)
            missing.setdefault((owner_of(pod), problem.image, policy), []).append(problem)
    for (owner, image, policy), problems in missing.items():
        yield _finding(view, owner, image, policy, problems)
    if not missing:
        yield Healthy(count(len(images), "image"))


def _pull_policy(pod: Json, container: str) -> str:
    containers = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]
    policies = {each["name"]: each.get("imagePullPolicy", "") for each in containers}
    return str(policies.get(container, ""))


def _finding(
    view: ClusterView, owner: str, image: str, policy: str, problems: list[PodProblem]
) -> Finding:
    first = problems[0]
    pods = first.pod if len(problems) == 1 else count(len(problems), "pod")
    always = ". imagePullPolicy is Always: an image that is on the node is pulled all the same"
    return Finding(
        about=owner,
        problem=f"the node cannot get its image {image}",
        evidence=f"{pods}: {first}{always if policy == 'Always' else ''}",
        command=_remedy(view, owner, first, policy),
    )


def _remedy(view: ClusterView, owner: str, problem: PodProblem, policy: str) -> str:
    # A kind node has what was loaded into it; every other node pulls from a registry.
    if view.kind_cluster is None or not _is_in_docker(problem.image):
        return view.kubectl(f"describe pod {problem.pod}")
    load = f"kind load docker-image {problem.image} --name {view.kind_cluster}"
    if policy != "Always":
        return load
    container = f'{{"name": "{problem.container}", "imagePullPolicy": "IfNotPresent"}}'
    patch = f'{{"spec": {{"template": {{"spec": {{"containers": [{container}]}}}}}}}}'
    return f"{load}\n{view.kubectl(f'patch {owner} --patch')} '{patch}'"


def _is_in_docker(image: str) -> bool:
    return tools.output_of("docker", "image", "inspect", "--format", "{{.Id}}", image) is not None


CHECK = Check("images", "images that a node cannot pull or does not have", examine)
