"""`cartwheel doctor`."""

from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from cartwheel.cluster.pending_deletions import NAMESPACE as OWN_NAMESPACE
from cartwheel.cluster.tools import CONTEXT as OWN_CONTEXT
from cartwheel.doctor.check import Examination, examine
from cartwheel.doctor.cluster import examine_cluster
from cartwheel.doctor.cluster.access import NAME as ACCESS
from cartwheel.doctor.cluster.access import no_access
from cartwheel.doctor.cluster.view import ClusterView
from cartwheel.doctor.report import Area, Report
from cartwheel.errors import UsageError
from cartwheel.kubernetes.cluster import Cluster
from cartwheel.kubernetes.errors import Unreachable

commands = typer.Typer()


class Where(StrEnum):
    """What the doctor examines."""

    LOCAL = "local"
    CLUSTER = "cluster"


@commands.command()
def doctor(
    where: Annotated[
        Where | None,
        typer.Argument(help="Only this. Without it: this machine, and a cluster if there is one."),
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option("--namespace", "-n", help="Of the cluster (default: that of the context)."),
    ] = None,
    context: Annotated[
        str | None, typer.Option(help="Of kubectl's configuration (default: the current one).")
    ] = None,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run (CARTWHEEL_STATE_DIR; .cartwheel).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Find what is wrong, and the command that mends it.

    The exit code is 1 if anything is wrong.
    """
    if where is None and (namespace or context):
        where = Where.CLUSTER
    if where is Where.LOCAL and (namespace or context):
        raise UsageError("--namespace and --context are for a cluster: cartwheel doctor cluster")
    areas = []
    if where is not Where.CLUSTER:
        areas += _local(state_dir, required=where is Where.LOCAL)
    if where is not Where.LOCAL:
        areas += _cluster(context, namespace, required=where is Where.CLUSTER)
    if not areas:
        raise UsageError(
            "There is nothing to look at: no shop is installed here, and kubectl has no context."
        )
    report = Report(areas)
    if as_json:
        typer.echo(report.as_json())
    else:
        report.print()
    if not report.found_nothing:
        raise typer.Exit(1)


def _local(state_dir: Path | None, *, required: bool) -> list[Area]:
    """None without the shop, for somebody who only looks at clusters."""
    try:
        # Imported here: they need the packages of the shop.
        checks = import_module("cartwheel.doctor.local").CHECKS
        machine = import_module("cartwheel.doctor.local.machine").Machine(state_dir)
    except ModuleNotFoundError as error:
        if required:
            raise UsageError(
                f"The checks of this machine need the extra `shop` ({error.name} is missing). "
                "In a clone: make up"
            ) from None
        return []
    return [Area("this machine", examine(checks, machine))]


def _cluster(context: str | None, namespace: str | None, *, required: bool) -> list[Area]:
    """None without kubectl or a context, unless a cluster was asked for."""
    cluster = Cluster(context)
    try:
        name = cluster.context_name
        view = ClusterView(
            cluster,
            namespace=namespace or _default_namespace(cluster),
            context=name,
            kubectl_flags=("--context", context) if context else (),
        )
    except Unreachable as error:
        return [Area("a cluster", [no_access(context or "", error)])] if required else []
    if not required and view.silence is not None:
        # Not asked for: who only runs the shop here may have a context that leads nowhere.
        return [Area(f"cluster {name}", [Examination(ACCESS, unseen=[view.silence])])]
    return [Area(f"cluster {name}, namespace {view.namespace}", examine_cluster(view))]


def _default_namespace(cluster: Cluster) -> str:
    """The shop's in the shop's own cluster, else that of the context."""
    return OWN_NAMESPACE if cluster.context_name == OWN_CONTEXT else cluster.namespace
