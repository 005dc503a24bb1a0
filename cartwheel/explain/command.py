"""`cartwheel explain`."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cartwheel.errors import UsageError
from cartwheel.explain.cluster import ClusterQuestion, cluster_explainer
from cartwheel.explain.cluster_autoscalers import is_kind
from cartwheel.explain.explanation import Explanation
from cartwheel.explain.local import explain_local
from cartwheel.explain.recorded import explain_recorded
from cartwheel.explain.terminal import follow, page, to_json
from cartwheel.explain.times import TimeOfDay, parse_time
from cartwheel.printing import new_console

commands = typer.Typer()

# In seconds. In a cluster each look costs a dozen requests of kubectl.
WATCH_PERIOD = 1.0
CLUSTER_WATCH_PERIOD = 5.0

Source = Callable[[], Sequence[Explanation]]


@dataclass(frozen=True)
class Place:
    """Where in a cluster; nothing of it is given for the local run."""

    namespace: str | None = None
    context: str | None = None
    controller: str | None = None
    everything: bool = False


@dataclass(frozen=True)
class Moment:
    """When in a recorded session; nothing of it is given for now."""

    recording: Path | None = None
    at: TimeOfDay | None = None


@dataclass(frozen=True)
class Question:
    """What the command line asks."""

    target: str | None
    in_cluster: Place
    in_recording: Moment
    state_dir: Path | None

    @property
    def is_about_cluster(self) -> bool:
        place = self.in_cluster
        is_placed = place.namespace is not None or place.context is not None
        return place.everything or is_placed or "/" in (self.target or "")

    def check(self, *, watch: bool) -> None:
        """Raises `UsageError` for options that contradict each other."""
        is_about_past = self.in_recording != Moment()
        if watch and is_about_past:
            raise UsageError("--watch follows what happens now: leave out --at and --recording.")
        if self.is_about_cluster and is_about_past:
            raise UsageError(
                "--at and --recording are about a recorded session, not about a cluster."
            )
        if self.in_cluster.controller is not None and not self.is_about_cluster:
            raise UsageError(
                "--controller sets options of a cluster's controller: name an autoscaler of a "
                "cluster, hpa/NAME, or its --namespace."
            )
        if self.in_cluster.everything and self.target:
            raise UsageError(f"Either {self.target} or --all.")

    def source(self) -> Source:
        """What explains it, each time anew."""
        place, moment = self.in_cluster, self.in_recording
        if self.is_about_cluster:
            return cluster_explainer(
                ClusterQuestion(self.target, place.namespace, place.context, place.controller)
            )
        if moment.recording is not None:
            return partial(explain_recorded, moment.recording, name=self.target, at=moment.at)
        return partial(explain_local, self.state_dir, service=self.target, at=moment.at)


@commands.command()
def explain(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="A service of the local run, or hpa/NAME, deployment/NAME, scaledobject/NAME.",
        ),
    ] = None,
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Namespace of the cluster.")
    ] = None,
    context: Annotated[str | None, typer.Option(help="Context of kubectl's configuration.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All autoscalers of the namespace.")
    ] = False,
    recording: Annotated[Path | None, typer.Option(help="Explain a recorded session.")] = None,
    at: Annotated[
        str | None, typer.Option(help="Explain the decision at that time, 12:03:41 for example.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Explain again and again, until interrupted.")
    ] = False,
    controller: Annotated[
        str | None,
        typer.Option(help="Flags of the cluster's controller: sync-period=15s,tolerance=0.1"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    state_dir: Annotated[
        Path | None, typer.Option(help="Folder of the run (CARTWHEEL_STATE_DIR; .cartwheel).")
    ] = None,
) -> None:
    """Explain why an autoscaler wants its number of replicas."""
    question = Question(
        _target(words or []),
        in_cluster=Place(namespace, context, controller, everything=everything),
        in_recording=Moment(recording, None if at is None else parse_time(at)),
        state_dir=state_dir,
    )
    question.check(watch=watch)
    source = question.source()
    console = new_console()
    if watch:
        period = CLUSTER_WATCH_PERIOD if question.is_about_cluster else WATCH_PERIOD
        follow(source, console, as_json=as_json, pause=partial(time.sleep, period))
    elif as_json:
        typer.echo(json.dumps(to_json(source()), indent=2))
    else:
        console.print(page(source(), width=console.width), soft_wrap=True)


def _target(words: Sequence[str]) -> str | None:
    """The only word; kubectl takes the kind and the name as two, too. Raises `UsageError`."""
    if words and is_kind(words[0]):
        name = words[1] if len(words) > 1 else "NAME"
        raise UsageError(f"{' '.join(words)}: write {words[0]}/{name}.")
    if len(words) > 1:
        raise UsageError(f"{' '.join(words)}: name one autoscaler, or none for all.")
    return words[0] if words else None
