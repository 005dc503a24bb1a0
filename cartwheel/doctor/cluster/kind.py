"""The machine below a kind cluster: its tools, its limits, and how images reach the node."""

from collections.abc import Iterator

from cartwheel.cluster import tools
from cartwheel.cluster.preflight import docker_not_running, inotify_advice, missing_tools
from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Severity

NAME = "kind-machine"
DISABLED_LOAD = "kind-disable-load: true"
CGROUP_V1 = "1"


def examine(view: ClusterView) -> Iterator[Outcome]:
    cluster = view.kind_cluster
    if cluster is None:
        return
    findings = [*_tools(view), *_node(view, cluster), *_skaffold(view)]
    yield from findings
    if not findings:
        yield Healthy("docker and kind")


def _tools(view: ClusterView) -> Iterator[Finding]:
    programs = ["docker", "kind"]
    # Only the shop is deployed with it.
    if view.context == tools.CONTEXT:
        programs.append("skaffold")
    messages = [*missing_tools(*programs)] or [*docker_not_running()]
    for message in messages:
        problem, _, remedy = message.partition(": ")
        yield Finding(
            about="this machine",
            problem=problem,
            evidence="looked for in the PATH, and asked with docker info",
            command=remedy.rstrip("."),
        )


def _node(view: ClusterView, cluster: str) -> Iterator[Finding]:
    """The container of a cluster that does not respond."""
    if view.silence is None:
        return
    container = f"{cluster}-control-plane"
    status = _docker("inspect", "--format", "{{.State.Status}}", container)
    if status and status != "running":
        yield Finding(
            about=f"cluster {view.context}",
            problem=f"the container of its node is {status}",
            evidence=f"docker inspect {container}",
            command=f"docker start {container}",
        )
    if _docker("info", "--format", "{{.CgroupVersion}}") == CGROUP_V1:
        yield Finding(
            about="this machine",
            problem="it has cgroup v1, on which Kubernetes 1.35 and later do not start",
            evidence="docker info says so",
            command="sudo grubby --update-kernel=ALL --args=systemd.unified_cgroup_hierarchy=1",
        )


def _docker(*arguments: str) -> str:
    return (tools.output_of("docker", *arguments) or "").strip()


def examine_limits(view: ClusterView) -> Iterator[Outcome]:
    advices = [*inotify_advice()] if view.kind_cluster else []
    for advice in advices:
        problem, _, command = advice.partition(": ")
        yield Finding(
            about="this machine",
            problem=f"its inotify limits are low: {problem[0].lower()}{problem[1:]}, this is why",
            evidence="/proc/sys/fs/inotify",
            command=command,
            severity=Severity.RISK,
        )


def _skaffold(view: ClusterView) -> Iterator[Finding]:
    """Images that Skaffold neither loads into the node nor pushes to a registry."""
    settings = tools.output_of("skaffold", "config", "list", "--kube-context", view.context) or ""
    if DISABLED_LOAD in settings and "default-repo" not in settings:
        yield Finding(
            about="skaffold",
            problem="its images do not reach the node: loading is off, and there is no registry",
            evidence=f"skaffold config list: {DISABLED_LOAD}, no default-repo",
            command=f"skaffold config set --kube-context {view.context} kind-disable-load false",
        )


CHECK = Check(NAME, "docker or podman, kind, skaffold and cgroups, for a kind cluster", examine)
LIMITS = Check("inotify", "limits of this machine that a kind node may need", examine_limits)
