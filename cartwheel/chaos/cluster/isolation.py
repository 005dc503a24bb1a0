"""What the cluster keeps out: traffic that no policy allows, and pods with more rights."""

from collections.abc import Mapping
from typing import Any

from cartwheel.chaos.cluster.result import Result
from cartwheel.chaos.cluster.shop_cluster import ShopCluster
from cartwheel.chaos.cluster.watch import Watch

# From, to, port: calls that no service makes.
FORBIDDEN = (
    ("cart", "tracking", 8000),
    ("cart", "postgres", 5432),
    ("storefront", "valkey", 6379),
    ("storefront", "postgres", 5432),
)
ALLOWED = (("cart", "products", 8000), ("storefront", "cart", 8000))
CONNECT = """
import socket
try:
    socket.create_connection((%r, %d), 3).close()
    print("open")
except OSError:
    print("closed")
"""
# Each is one more right than the restricted Pod Security Standard allows.
MORE_RIGHTS: Mapping[str, Mapping[str, Any]] = {
    "a privileged container": {"container": {"privileged": True, "allowPrivilegeEscalation": True}},
    "root": {"container": {"runAsNonRoot": False, "runAsUser": 0}},
    "the host's network": {"pod": {"hostNetwork": True}},
    "the host's files": {"pod": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}},
    "an added capability": {"container": {"capabilities": {"add": ["NET_ADMIN"]}}},
}


def try_forbidden_traffic(cluster: ShopCluster, _: Watch, result: Result) -> None:
    """Connect where no policy allows it, and where one does."""
    for source, target, port in FORBIDDEN:
        found = _connect(cluster, source, target, port)
        result.claim(f"from {source} to {target}:{port}: {found}", found == "closed")
    for source, target, port in ALLOWED:
        found = _connect(cluster, source, target, port)
        result.claim(f"from {source} to {target}:{port}: {found}", found == "open")
    result.figures["closed"] = sum(one.held for one in result.claims[: len(FORBIDDEN)])


def try_privileged_pods(cluster: ShopCluster, _: Watch, result: Result) -> None:
    """Ask the API server for pods with more rights; the namespace must refuse each."""
    plain = cluster.problem_of_dry_run(_pod({}))
    result.claim(f"a pod without more rights is accepted{plain and f': {plain}'}", not plain)
    for name, rights in MORE_RIGHTS.items():
        problem = cluster.problem_of_dry_run(_pod(rights))
        refused = "violates PodSecurity" in problem
        result.claim(f"{'refused' if refused else 'accepted'}: {name}", refused)
    result.figures["refused"] = sum(one.held for one in result.claims[1:])


def _connect(cluster: ShopCluster, source: str, target: str, port: int) -> str:
    return cluster.python_in(source, CONNECT % (target, port)).strip()


def _pod(rights: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    security = {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
        **rights.get("container", {}),
    }
    container = {"name": "app", "image": "cart", "securityContext": security}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "with-more-rights"},
        "spec": {"containers": [container], **rights.get("pod", {})},
    }
