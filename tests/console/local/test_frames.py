"""A frame has each replica as the supervisor and its own metrics show it."""

import pytest

from cartwheel.console.autoscaler_state import counts_of
from cartwheel.console.local.frames import Seen, frame_of
from cartwheel.console.local.problems import ScrapeFailure
from cartwheel.local.replica_process import State
from cartwheel.local.run_state import RunningReplica, RunningService, RunState
from cartwheel.mesh import ReplicaState
from cartwheel.mesh.traffic import ReplicaTraffic, Traffic


def run_of(*states: State, restarts: int = 0) -> RunState:
    replicas = [
        RunningReplica(f"cart-{number}", state, 100 + number, 9000 + number, restarts)
        for number, state in enumerate(states, 1)
    ]
    return RunState(1, 0.0, "running", [RunningService("cart", "http://cart", 2, replicas)])


def only_replica(seen: Seen) -> ReplicaState:
    (service,) = frame_of(seen).services
    (replica,) = service.replicas
    return replica


@pytest.mark.parametrize(
    ("state", "is_serving", "phase", "reason"),
    [
        (State.STARTING, False, "starting", ""),
        (State.READY, False, "ready", ""),
        (State.READY, True, "serving", ""),
        (State.NOT_READY, True, "starting", "NotReady"),
        (State.CRASHED, True, "crashed", "CrashLoopBackOff"),
        (State.DRAINING, True, "draining", ""),
    ],
)
def test_the_phase_of_a_replica(state: State, is_serving: bool, phase: str, reason: str) -> None:
    traffic = Traffic(replicas={"cart-1": ReplicaTraffic(is_serving=is_serving)})
    replica = only_replica(Seen(1.0, run_of(state), traffic))
    assert (replica.phase, replica.reason) == (phase, reason)


@pytest.mark.parametrize("state", [State.STARTING, State.READY])
def test_a_replica_that_crashed_and_is_back_is_seen_as_crashed(state: State) -> None:
    replica = only_replica(Seen(1.0, run_of(state, restarts=1), restarted={"cart-1"}))
    assert (replica.phase, replica.reason, replica.restarts) == ("crashed", "restarted", 1)


@pytest.mark.parametrize(
    ("state", "phase"), [(State.READY, "ready"), (State.NOT_READY, "starting")]
)
def test_a_replica_that_cannot_be_scraped_says_why_and_is_not_serving(
    state: State, phase: str
) -> None:
    failure = ScrapeFailure("cart", "cart-1", 0.5, "does not respond to a scrape")
    traffic = Traffic(replicas={"cart-1": ReplicaTraffic(is_serving=True)})
    replica = only_replica(Seen(1.0, run_of(state), traffic, failures=[failure]))
    assert (replica.phase, replica.reason) == (phase, "does not respond to a scrape")


@pytest.mark.parametrize(
    ("state", "restarted", "rate"),
    [
        (State.READY, (), 20.0),
        (State.NOT_READY, (), 20.0),
        (State.READY, ("cart-1",), None),
        (State.CRASHED, (), None),
        (State.STARTING, (), None),
        (State.DRAINING, (), None),
    ],
)
def test_a_replica_that_cannot_be_asked_has_none_of_its_old_figures(
    state: State, restarted: tuple[str, ...], rate: float | None
) -> None:
    traffic = Traffic(replicas={"cart-1": ReplicaTraffic(rate=20.0)})
    assert only_replica(Seen(1.0, run_of(state), traffic, restarted=restarted)).rate == rate


def test_replicas_keep_the_order_of_the_supervisor() -> None:
    names = [f"cart-{number}" for number in (1, 2, 3)]
    run = run_of(State.DRAINING, State.READY, State.STARTING)
    assert [one.name for one in frame_of(Seen(1.0, run)).services[0].replicas] == names


def test_a_replica_that_serves_counts_as_ready() -> None:
    traffic = Traffic(replicas={"cart-1": ReplicaTraffic(is_serving=True)})
    run = run_of(State.READY, State.READY, State.STARTING)
    counts = counts_of(frame_of(Seen(1.0, run, traffic)).services[0])
    assert (counts.desired, counts.ready, counts.serving) == (2, 2, 1)


def test_without_a_run_a_frame_is_empty_and_says_why() -> None:
    frame = frame_of(Seen(1.0, None, problem="Nothing runs here."))
    assert (frame.services, frame.edges, frame.problem) == ([], [], "Nothing runs here.")
