"""``python -m cartwheel.cluster up|down|deploy|verify|shop``: what `make kind` and the like call.

Exit codes: 0 done, 1 a program did not succeed, 2 something has to change first.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence

from cartwheel.cluster import ports
from cartwheel.cluster.addons import ADD_ONS, install
from cartwheel.cluster.pending_deletions import leftovers
from cartwheel.cluster.preflight import (
    inotify_advice,
    missing_tools,
    problems_before_creating,
    problems_of_tools,
)
from cartwheel.cluster.tools import CLUSTER, CONTEXT, clusters, only_our_cluster, run
from cartwheel.errors import CommandError, StartError
from cartwheel.local.settings import load_local

USAGE = "usage: python -m cartwheel.cluster up|down|deploy|verify|shop [arguments for skaffold]"


def up() -> None:
    """Create the cluster and install what is missing in it; again at any time.

    Raises `CommandError`.
    """
    wanted = ports.wanted()
    _refuse(problems_of_tools())
    if CLUSTER in clusters():
        _refuse(_ports_that_stay())
        _say(f"The cluster {CLUSTER} is there.")
    else:
        _refuse(problems_before_creating(wanted))
        run("kind", "create", "cluster", "--config", "-", given=ports.configuration(wanted))
    for add_on in ADD_ONS:
        done = "installed" if install(add_on) else "there"
        _say(f"{add_on.name}: {done}")
    for advice in inotify_advice():
        _say(advice)
    _say("Try next: make deploy, or skaffold dev")


def down() -> None:
    """Delete the cluster and everything in it."""
    _refuse(missing_tools("kind"))
    run("kind", "delete", "cluster", "--name", CLUSTER)


def deploy(*arguments: str) -> None:
    """Build the shop and run it in the cluster."""
    _need_cluster()
    _refuse(leftovers())
    run("skaffold", "run", "--kube-context", CONTEXT, *arguments)
    found = ports.in_use()
    _say(
        f"The shop: {_url(found[ports.SHOP])}   Grafana: {_url(found[ports.GRAFANA])}   "
        "Load: make load"
    )


def verify(*arguments: str) -> None:
    """Try the shop that runs there, from a pod of its own."""
    _need_cluster()
    # This command of Skaffold's has no flag for the context.
    with only_our_cluster() as kubeconfig:
        run("skaffold", "verify", *arguments, KUBECONFIG=kubeconfig)


def shop() -> None:
    """Say where the shop is: in the cluster if there is one, else where `make up` has it."""
    found = {**ports.moved(), **ports.of_the_cluster()}
    _say(_url(found[ports.SHOP] if ports.SHOP in found else load_local().port_storefront))


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
                raise StartError(USAGE)
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _need_cluster() -> None:
    _refuse(problems_of_tools())
    if CLUSTER not in clusters():
        raise StartError(f"There is no cluster {CLUSTER}: make one with make kind.")


def _ports_that_stay() -> Iterator[str]:
    """Ports are given to a node when it is made."""
    found = ports.in_use()
    for entrance, port in ports.moved().items():
        if port != found[entrance]:
            yield (
                f"The cluster {CLUSTER} is there, with {entrance.use} on port {found[entrance]}: "
                f"make kind-down first, then make kind {entrance.variable}={port}"
            )


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _refuse(problems: Iterable[str]) -> None:
    if listed := [*problems]:
        raise StartError("\n".join(listed))


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
