"""``python -m cartwheel.cluster up|down|deploy|verify|shop``, called by `make kind` and others.

Exit codes: 0 done, 1 a program failed, 2 something has to change first.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence

from cartwheel.cluster import ports
from cartwheel.cluster.addons import ADD_ONS, install
from cartwheel.cluster.pending_deletions import pending_deletions
from cartwheel.cluster.preflight import (
    cluster_problems,
    inotify_advice,
    missing_tools,
    tool_problems,
)
from cartwheel.cluster.tools import CLUSTER, CONTEXT, cluster_kubeconfig, kind_clusters, run
from cartwheel.errors import CommandError, UsageError

USAGE = "usage: python -m cartwheel.cluster up|down|deploy|verify|shop [arguments for skaffold]"


def up() -> None:
    """Create the cluster, unless it exists, and install the add-ons that are missing.

    Raises `CommandError`.
    """
    requested = ports.requested_ports()
    _raise_if_any(tool_problems())
    if CLUSTER in kind_clusters():
        _raise_if_any(_port_conflicts())
        _print(f"The cluster {CLUSTER} is there.")
    else:
        _raise_if_any(cluster_problems(requested))
        run("kind", "create", "cluster", "--config", "-", stdin=ports.kind_config(requested))
    for add_on in ADD_ONS:
        result = "installed" if install(add_on) else "there"
        _print(f"{add_on.name}: {result}")
    for advice in inotify_advice():
        _print(advice)
    _print("Try next: make deploy, or skaffold dev")


def down() -> None:
    """Delete the cluster and everything in it."""
    _raise_if_any(missing_tools("kind"))
    run("kind", "delete", "cluster", "--name", CLUSTER)


def deploy(*arguments: str) -> None:
    """Build the shop and deploy it to the cluster."""
    _require_cluster()
    _raise_if_any(pending_deletions())
    run("skaffold", "run", "--kube-context", CONTEXT, *arguments)
    current = ports.current_ports()
    _print(
        f"The shop: {_url(current[ports.SHOP])}   Grafana: {_url(current[ports.GRAFANA])}   "
        "Load: make load"
    )


def verify(*arguments: str) -> None:
    """Run the acceptance test in a pod of the cluster."""
    _require_cluster()
    # `skaffold verify` has no flag for the context.
    with cluster_kubeconfig() as kubeconfig:
        run("skaffold", "verify", *arguments, KUBECONFIG=kubeconfig)


def shop() -> None:
    """Print the URL of the shop in the cluster; nothing without a cluster."""
    found = {**ports.ports_from_environment(), **ports.published_ports()}
    if ports.SHOP in found:
        _print(_url(found[ports.SHOP]))


def main(arguments: Sequence[str] | None = None) -> int:
    command, *rest = arguments or sys.argv[1:] or [""]
    try:
        match command, rest:
            case "up", []:
                up()
            case "down", []:
                down()
            case "deploy", _:
                deploy(*rest)
            case "verify", _:
                verify(*rest)
            case "shop", []:
                shop()
            case _:
                raise UsageError(USAGE)
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _require_cluster() -> None:
    _raise_if_any(tool_problems())
    if CLUSTER not in kind_clusters():
        raise UsageError(f"There is no cluster {CLUSTER}: make one with make kind.")


def _port_conflicts() -> Iterator[str]:
    """A node gets its ports when it is created, so another port needs another cluster."""
    current = ports.current_ports()
    for mapping, port in ports.ports_from_environment().items():
        if port != current[mapping]:
            yield (
                f"The cluster {CLUSTER} is there, with {mapping.use} on port {current[mapping]}: "
                f"make kind-down first, then make kind {mapping.variable}={port}"
            )


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _raise_if_any(problems: Iterable[str]) -> None:
    if listed := [*problems]:
        raise UsageError("\n".join(listed))


def _print(message: str) -> None:
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
