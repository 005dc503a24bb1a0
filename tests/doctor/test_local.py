"""The checks of this machine, each with something that is really broken."""

import os
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from cartwheel.doctor.check import Check, examine
from cartwheel.doctor.finding import Finding, Severity
from cartwheel.doctor.local import (
    environment,
    line_endings,
    ports,
    proxies,
    settings,
    state_folder,
    stores,
)
from cartwheel.doctor.local.machine import Machine
from tests.cartwheel.supervisor_process import ROOT

PROXIES = (
    "http_proxy",
    "HTTP_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "no_proxy",
    "NO_PROXY",
)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.lower() in PROXIES or "CARTWHEEL" in name:
            monkeypatch.delenv(name)


def findings(check: Check[Machine], machine: Machine) -> Sequence[Finding]:
    (examination,) = examine([check], machine)
    assert examination.failure is None
    assert examination.findings or examination.healthy or examination.unseen
    return examination.findings


@pytest.mark.parametrize("service", ["storefront", "console"])
def test_a_port_is_named_with_the_process_that_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for other in ("storefront", "products", "cart", "user", "tracking", "console"):
            monkeypatch.setenv(f"CARTWHEEL_PORT_{other.upper()}", "0")
        monkeypatch.setenv(f"CARTWHEEL_PORT_{service.upper()}", str(port))
        (found,) = findings(ports.CHECK, Machine(tmp_path))

    assert found.about == f"port {port} of {service}"
    assert f"(pid {os.getpid()})" in found.problem
    assert found.command.endswith(f"--port-{service} {port + 1}")


def test_each_setting_that_is_wrong_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARTWHEEL_PORT_CART", "many")
    monkeypatch.setenv("CARTWHEEL_STORES", "floppy")

    problems = [each.problem for each in findings(settings.CHECK, Machine(tmp_path))]

    assert len(problems) == 2
    assert any("CARTWHEEL_PORT_CART" in problem for problem in problems)
    # Those that need the settings say so, and are no findings of their own.
    (examination,) = examine([ports.CHECK], Machine(tmp_path))
    assert not examination.findings
    assert examination.unseen


def test_a_state_folder_of_another_user_is_not_writable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    # Root may write everything, and tests may run as root.
    monkeypatch.setattr("os.access", lambda path, _: Path(path).name != "data")
    (found,) = findings(state_folder.CHECK, Machine(tmp_path))
    assert "data is not yours to write" in found.problem
    assert found.command.startswith("sudo chown -R")


def test_a_state_folder_that_is_a_file_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "state"
    file.write_text("")
    (found,) = findings(state_folder.CHECK, Machine(file))
    assert "is not a folder" in found.problem


def test_a_disk_that_is_nearly_full_is_a_risk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nearly_full = shutil.disk_usage(tmp_path)._replace(free=50_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: nearly_full)
    (found,) = findings(state_folder.CHECK, Machine(tmp_path))
    assert "50 MB left" in found.problem
    assert found.severity is Severity.RISK


def test_a_proxy_that_catches_loopback_is_a_risk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://user:secret@proxy.example.com:3128")
    (found,) = findings(proxies.CHECK, Machine(tmp_path))
    assert "proxy.example.com:3128" in found.problem
    assert "secret" not in found.problem

    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    assert not findings(proxies.CHECK, Machine(tmp_path))


def test_scripts_with_crlf_are_named_and_the_command_mends_them(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml", "cartwheel/create_venv.sh"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"one\r\ntwo\r\n" if name.endswith("sh") else b"one\n")
    machine = Machine(code=tmp_path)

    (found,) = findings(line_endings.CHECK, machine)
    assert "cartwheel/create_venv.sh" in found.problem

    assert os.system(found.command) == 0
    assert not findings(line_endings.CHECK, machine)


def test_the_scripts_of_this_checkout_have_no_crlf() -> None:
    assert not findings(line_endings.CHECK, Machine(code=ROOT))


SCRIPTS = {
    "short path": "#!{}/bin/python3\n",
    "long path": "#!/bin/sh\n'''exec' {}/bin/python3 \"$0\" \"$@\"\n",
    "path with blanks": '#!/bin/sh\n\'\'\'exec\' "{}/bin/python3" "$0" "$@"\n',
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=[*SCRIPTS])
def test_a_moved_environment_is_recognised(tmp_path: Path, script: str) -> None:
    moved = tmp_path / ("moved to" if '"{}' in script else "moved")
    program = moved / "bin" / "cartwheel"
    program.parent.mkdir(parents=True)
    machine = Machine(prefix=moved, folder=ROOT)

    program.write_text(script.format(tmp_path / "before"))
    (found,) = findings(environment.CHECK, machine)
    assert "moved or copied" in found.problem
    assert "which is not there" in found.evidence

    program.write_text(script.format(moved))
    assert not findings(environment.CHECK, machine)


def test_code_of_another_folder_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "cartwheel" / "doctor").mkdir(parents=True)
    (found,) = findings(environment.CHECK, Machine(folder=tmp_path, prefix=Path(sys.base_prefix)))
    assert str(ROOT) in found.problem


def test_real_stores_need_their_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTWHEEL_STORES", "real")
    assert not findings(stores.CHECK, Machine(tmp_path)), "the test requirements have them"

    monkeypatch.setattr("cartwheel.local.stores.STORE_WHEELS", ["valkey_from_nowhere"])
    (found,) = findings(stores.CHECK, Machine(tmp_path))
    assert "valkey_from_nowhere" in found.problem
    assert "requirements/test.txt" in found.command


def test_sqlite_stores_need_nothing(tmp_path: Path) -> None:
    assert not findings(stores.CHECK, Machine(tmp_path))
