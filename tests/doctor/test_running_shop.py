"""The checks of a shop that runs: a stopped supervisor, a crash, metrics, processes left over."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from cartwheel.doctor.check import Check, examine
from cartwheel.doctor.finding import Finding
from cartwheel.doctor.local import CHECKS, metrics, replicas, state_folder, supervisor
from cartwheel.doctor.local.machine import Machine
from cartwheel.local.autoscaling.chosen import FILES
from tests.cartwheel.supervisor_process import SupervisorProcess, eventually, running


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SupervisorProcess]:
    folder = tmp_path_factory.mktemp("shop")
    with running(folder / "state", output=folder / "output") as run:
        yield run.ready()


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if "CARTWHEEL" in name or "proxy" in name.lower():
            monkeypatch.delenv(name)


def findings(check: Check[Machine], state: Path) -> Sequence[Finding]:
    (examination,) = examine([check], Machine(state))
    assert examination.failure is None
    return examination.findings


def test_a_healthy_shop_has_no_finding(shop: SupervisorProcess) -> None:
    examinations = examine(CHECKS, Machine(shop.state))
    assert [each.failure for each in examinations if each.failure] == []
    assert [each.findings for each in examinations if each.findings] == []
    healthy = [text for each in examinations for text in each.healthy]
    assert f"the supervisor (pid {shop.process.pid}) responds" in healthy
    assert "3 replicas ready" in healthy


def test_replicas_without_the_series_of_the_query_are_named(shop: SupervisorProcess) -> None:
    machine = Machine(shop.state)
    machine.manifest = FILES["requests"].read_text().replace("http_requests", "wheels")
    (examination,) = examine([metrics.CHECK], machine)
    names = {replica["replica"] for replica in shop.replicas()}
    assert {each.about for each in examination.findings} == names
    assert all("wheels_received_total" in each.evidence for each in examination.findings)


def test_a_replica_that_is_not_ready_is_named_with_its_log(shop: SupervisorProcess) -> None:
    first = shop.replicas()[0]
    shop.post(first, "unready?ready=false")
    eventually(lambda: shop.cart(first["replica"])["state"] == "NotReady")
    (found,) = findings(replicas.CHECK, shop.state)
    shop.post(first, "unready?ready=true")
    eventually(lambda: shop.cart(first["replica"])["state"] == "Ready")
    assert found.about == first["replica"]
    assert "NotReady" in found.problem
    log = Path(found.command.split()[-1])
    assert log.exists()


def test_a_stopped_supervisor_is_recognised(shop: SupervisorProcess) -> None:
    shop.process.send_signal(signal.SIGSTOP)
    # The kernel stops it a moment later.
    os.waitid(os.P_PID, shop.process.pid, os.WSTOPPED | os.WNOWAIT)
    try:
        (found,) = findings(supervisor.CHECK, shop.state)
    finally:
        shop.process.send_signal(signal.SIGCONT)
    assert found.command == f"kill -CONT {shop.process.pid}"


def test_a_process_that_a_killed_run_left_is_named(tmp_path: Path) -> None:
    environment = {**os.environ, "CARTWHEEL_SECRETS_DIR": str(tmp_path / "secrets")}
    left = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"],
        env=environment,
        stdin=subprocess.PIPE,
    )
    try:
        found = eventually(lambda: findings(state_folder.CHECK, tmp_path))
    finally:
        left.kill()
        left.communicate()
    assert found[0].command == f"kill {left.pid}"
