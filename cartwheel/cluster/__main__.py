"""``python -m cartwheel.cluster up|down|deploy|verify``: what `make kind` and the like call.

Exit codes: 0 done, 1 a program did not succeed, 2 something has to change first.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence

from cartwheel.cluster.addons import ADD_ONS, install
from cartwheel.cluster.preflight import (
    PORTS,
    inotify_advice,
    missing_tools,
    problems_before_creating,
)
from cartwheel.cluster.tools import CLUSTER, CONTEXT, clusters, run
from cartwheel.local.errors import CommandError, StartError

USAGE = "usage: python -m cartwheel.cluster up|down|deploy|verify [arguments for skaffold]"


def up(ports: Mapping[int, str] = PORTS) -> None:
    """Create the cluster and install what is missing in it; again at any time.

    ``ports`` are those of kind.yaml, which must be free. Raises `CommandError`.
    """
    if CLUSTER in clusters():
        _say(f"The cluster {CLUSTER} is there.")
    else:
        _refuse(problems_before_creating(ports))
        run("kind", "create", "cluster", "--config", "kind.yaml")
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
    _skaffold("run", *arguments)
    _say("The shop: http://127.0.0.1:8080   Grafana: http://127.0.0.1:3000   Load: make load")


def verify(*arguments: str) -> None:
    """Try the shop that runs there, from a pod of its own."""
    _skaffold("verify", *arguments)


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
            case _:
                raise StartError(USAGE)
    except CommandError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _skaffold(command: str, *arguments: str) -> None:
    _refuse(missing_tools("docker", "kind", "kubectl", "skaffold"))
    if CLUSTER not in clusters():
        raise StartError(f"There is no cluster {CLUSTER}: make one with make kind.")
    run("skaffold", command, "--kube-context", CONTEXT, *arguments)


def _refuse(problems: Iterable[str]) -> None:
    if listed := [*problems]:
        raise StartError("\n".join(listed))


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
