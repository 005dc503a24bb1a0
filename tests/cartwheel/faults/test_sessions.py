"""Fault sessions of a running shop: what they do to its processes, and that all of it is undone."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress

import psutil
import pytest

from cartwheel.errors import CommandError
from cartwheel.local.control_socket import connect
from cartwheel.local.faults.client import FaultSession, open_fault_session
from cartwheel.local.faults.effects import (
    BlockEventLoop,
    Effect,
    HoldStore,
    Kill,
    Limit,
    ShiftClock,
    Stop,
    StoreSetting,
    Throttle,
)
from cartwheel.local.state_folder import StateFolder
from tests.cartwheel.conftest import Start
from tests.cartwheel.supervisor_process import ROOT, SupervisorProcess, eventually

linux_only = pytest.mark.skipif(
    sys.platform != "linux", reason="the limits of another process can be changed on Linux only"
)
# Holds a session until it is killed.
HOLDER = """
import sys, time
from pathlib import Path
from cartwheel.local.faults.client import open_fault_session
from cartwheel.local.faults.effects import Stop
from cartwheel.local.state_folder import StateFolder
with open_fault_session(StateFolder.at(Path(sys.argv[1])), "holder") as session:
    session.inject(Stop(sys.argv[2]))
    print("injected", flush=True)
    time.sleep(60)
"""


def session_of(
    shop: SupervisorProcess, name: str = "a test"
) -> AbstractContextManager[FaultSession]:
    return open_fault_session(StateFolder.at(shop.state), name)


@pytest.fixture
def session(shop: SupervisorProcess) -> Iterator[FaultSession]:
    shop.scale_cart(2)
    with session_of(shop) as session:
        yield session


def is_stopped(pid: int) -> bool:
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED


def faults(shop: SupervisorProcess) -> list[dict[str, object]]:
    found: list[dict[str, object]] = shop.status()["faults"]
    return found


def test_a_stopped_replica_goes_on_when_the_effect_is_undone(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    replica = shop.replicas()[0]
    effect_id = session.inject(Stop(replica["replica"]))
    assert is_stopped(replica["pid"])
    session.undo(effect_id)
    eventually(lambda: not is_stopped(replica["pid"]))
    assert not faults(shop)


def test_a_pattern_stands_for_another_replica_each_time(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    for _ in range(2):
        session.inject(Stop("cart-*"))
    assert all(is_stopped(replica["pid"]) for replica in shop.replicas())
    with pytest.raises(CommandError, match=r"^cart has no other replica that runs\.$"):
        session.inject(Stop("cart-*"))


def test_status_and_the_terminal_show_a_fault_from_its_begin_to_its_end(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    name = shop.replicas()[0]["replica"]
    effect_id = session.inject(Stop(name))
    [fault] = faults(shop)
    assert fault["effect"] == {"process": name, "effect": "stop"}
    assert fault["target"] == name
    assert fault["session"] == "a test"
    assert f"{name}: stopped (SIGSTOP), fault {effect_id}" in shop.command("status").stdout
    shop.wait_for_line(rf"{name}\s+fault {effect_id} begins: stopped \(SIGSTOP\)")
    session.undo(effect_id)
    shop.wait_for_line(rf"{name}\s+fault {effect_id} has ended: stopped \(SIGSTOP\)")


def test_a_killed_replica_is_started_again_and_nothing_is_left_to_undo(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    replica = shop.replicas()[0]
    effect_id = session.inject(Kill(replica["replica"]))
    eventually(lambda: shop.cart(replica["replica"])["restarts"] > replica["restarts"])
    assert not faults(shop)
    session.undo(effect_id)
    eventually(lambda: len(shop.endpoints()) == 2)


def test_a_throttled_replica_stops_and_goes_on_again_and_again(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    pid = shop.replicas()[0]["pid"]
    effect_id = session.inject(Throttle("cart-*", 0.5))
    for expected in (True, False, True, False):
        eventually(lambda expected=expected: is_stopped(pid) is expected)
    session.undo(effect_id)
    assert not is_stopped(pid)


@linux_only
def test_a_limit_is_raised_again_when_the_session_ends(shop: SupervisorProcess) -> None:
    process = psutil.Process(shop.scale_cart(2)[0]["pid"])
    before = process.rlimit(psutil.RLIMIT_NOFILE)
    with session_of(shop) as session:
        session.inject(Limit("cart-*", "open_files", 64))
        assert process.rlimit(psutil.RLIMIT_NOFILE)[0] == 64
    eventually(lambda: process.rlimit(psutil.RLIMIT_NOFILE) == before)


def test_everything_is_undone_when_the_client_is_killed(shop: SupervisorProcess) -> None:
    replica = shop.scale_cart(2)[0]
    client = holding(shop, replica["replica"])
    assert is_stopped(replica["pid"])
    client.kill()
    client.wait()
    eventually(lambda: not is_stopped(replica["pid"]))
    eventually(lambda: not faults(shop))


def test_a_second_session_is_refused_with_the_pid_of_the_holder(shop: SupervisorProcess) -> None:
    client = holding(shop, shop.scale_cart(2)[0]["replica"])
    with (
        pytest.raises(
            CommandError, match=rf"^Another fault session is open: holder \(pid {client.pid}\)\.$"
        ),
        session_of(shop),
    ):
        pass
    client.kill()
    client.wait()


def test_the_process_that_replaced_a_stopped_one_is_left_alone(
    shop: SupervisorProcess, session: FaultSession
) -> None:
    replica = shop.replicas()[0]
    effect_id = session.inject(Stop(replica["replica"]))
    os.kill(replica["pid"], signal.SIGKILL)
    eventually(lambda: shop.cart(replica["replica"])["restarts"] > replica["restarts"])
    eventually(lambda: len(shop.endpoints()) == 2)
    assert [fault["acts"] for fault in faults(shop)] == [False]
    assert "; ended: its process is gone" in shop.command("status").stdout
    session.inject(Stop(replica["replica"]))
    session.undo(effect_id)
    assert [fault["acts"] for fault in faults(shop)] == [True]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Stop, Stop),
        (Stop, lambda name: Throttle(name, 0.5)),
        pytest.param(
            lambda name: Limit(name, "open_files", 200),
            lambda name: Limit(name, "open_files", 100),
            marks=linux_only,
        ),
    ],
)
def test_a_second_effect_on_the_same_is_refused_until_the_first_is_undone(
    shop: SupervisorProcess,
    session: FaultSession,
    first: Callable[[str], Effect],
    second: Callable[[str], Effect],
) -> None:
    name = shop.replicas()[0]["replica"]
    effect = first(name)
    effect_id = session.inject(effect)
    with pytest.raises(CommandError) as refused:
        session.inject(second(name))
    assert str(refused.value) == f"{name}: undo fault {effect_id} first ({effect.sentence})."
    session.undo(effect_id)
    session.undo(session.inject(second(name)))


@linux_only
def test_a_limit_above_the_hard_one_is_refused(session: FaultSession) -> None:
    with pytest.raises(CommandError, match="more than its hard limit of"):
        session.inject(Limit("cart-*", "open_files", 2**40))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"nonsense", "A request is a JSON object in one line of at most 1 MiB."),
        (b"[" * 60_000, "A request is a JSON object in one line of at most 1 MiB."),
        (b'{"open": "' + b"x" * 200_000, "A request is a JSON object in one line of at most"),
        (b"null", "A request is a JSON object in one line of at most 1 MiB."),
        (b'{"undo": true}', "The supervisor does not know this request: is it an older one?"),
        (b'{"inject": {}}', "The effect is missing: it is one of block_event_loop, hold_store"),
        (b'{"inject": {"effect": "x"}}', "There is no effect 'x': it is one of"),
    ],
)
def test_a_wrong_request_is_refused_in_one_sentence_and_the_session_goes_on(
    shop: SupervisorProcess, line: bytes, message: str
) -> None:
    opening = json.dumps({"open": "a test", "pid": os.getpid()}).encode()
    with (
        connect(StateFolder.at(shop.state).fault_socket, timeout=10) as connection,
        connection.makefile("rb") as responses,
    ):
        connection.sendall(opening + b"\n" + line + b"\n" + b'{"undo": 0}\n')
        assert json.loads(responses.readline()) == {}
        assert json.loads(responses.readline())["error"].startswith(message)
        assert json.loads(responses.readline()) == {}
    eventually(lambda: not faults(shop))
    assert "internal error" not in shop.output


def test_a_name_with_brackets_is_shown_as_it_is(shop: SupervisorProcess) -> None:
    shop.scale_cart(2)
    with session_of(shop, "bad [/red] name") as session:
        session.inject(Throttle("cart-*", 0.5))
        assert "by bad [/red] name" in shop.command("status").stdout


def test_a_connection_that_waits_when_the_shop_stops_becomes_no_session(start: Start) -> None:
    run = start().ready()
    with connect(StateFolder.at(run.state).fault_socket, timeout=10) as connection:
        run.process.send_signal(signal.SIGTERM)
        run.wait_for_line("stopping")
        with suppress(OSError):
            connection.sendall(b'{"open": "late", "pid": 1}\n')
        assert run.exit_code() == 0
        with suppress(ConnectionError):
            assert connection.recv(100) == b""
    assert "internal error" not in run.output


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        (Stop("nothing"), "The shop runs no process named 'nothing': see cartwheel status."),
        (Kill("wheel-*"), "The shop runs no service named 'wheel'."),
        (ShiftClock("wheel", 1.0), "The shop runs no service named 'wheel'."),
        (
            BlockEventLoop("cart-*", 1.0),
            "An event loop can be blocked after cartwheel up --chaos only.",
        ),
        (
            StoreSetting("valkey", "maxmemory", 1),
            "There is no valkey: it runs with cartwheel up --stores real.",
        ),
        (HoldStore("cart"), "The shop runs no service 'cart' with a store."),
    ],
)
def test_an_effect_on_what_does_not_run_is_refused(
    session: FaultSession, effect: Effect, message: str
) -> None:
    with pytest.raises(CommandError) as refused:
        session.inject(effect)
    assert str(refused.value) == message


def test_the_shop_stops_in_time_while_its_replicas_are_stopped(start: Start) -> None:
    run = start().ready()
    with session_of(run) as session:
        for name in ("cart-*", "cart-*", "storefront-*"):
            session.inject(Stop(name))
        run.process.send_signal(signal.SIGTERM)
        assert run.exit_code() == 0
    assert "killed" not in run.output
    assert run.output.count("has ended: stopped") == 3


def holding(shop: SupervisorProcess, replica: str) -> subprocess.Popen[bytes]:
    """A process that holds the fault session and has stopped this replica."""
    client = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(shop.state), replica], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert client.stdout is not None
    with client.stdout as output:
        assert output.readline() == b"injected\n"
    return client
