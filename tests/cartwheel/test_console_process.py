"""The console beside the shop, and `cartwheel console` by hand."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.cartwheel.conftest import Start
from tests.cartwheel.supervisor_process import (
    ROOT,
    SupervisorProcess,
    command,
    environment,
    eventually,
    running,
)
from tests.console.sessions.files import made, record

CONSOLE_ON = {"CARTWHEEL_CONSOLE": "on"}


@pytest.fixture(scope="module")
def shop_with_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SupervisorProcess]:
    folder = tmp_path_factory.mktemp("shop")
    with running(folder / "state", output=folder / "output", **CONSOLE_ON) as run:
        yield run.ready()


@contextmanager
def console_by_hand(state: Path, *flags: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "cartwheel", "console", *flags],
        cwd=ROOT,
        env=environment(state, PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def listeners(port: int) -> set[str]:
    return {
        one.laddr.ip
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.laddr.port == port
    }


def test_the_terminal_shows_the_shop_the_link_of_the_console_and_one_hint(
    shop_with_console: SupervisorProcess,
) -> None:
    output = shop_with_console.output
    link = shop_with_console.status()["console"]["link"]
    assert f"  Console   {link}\n" in output
    assert re.search(r"^  Shop      http://127\.0\.0\.1:\d+$", output, re.MULTILINE)
    assert output.count("Try next") == 1
    assert max(map(len, output.splitlines())) <= 100
    assert f"\nConsole: {link}\n" in shop_with_console.command("status").stdout


def test_status_has_the_console_which_is_no_service(shop_with_console: SupervisorProcess) -> None:
    token = (shop_with_console.state / "secrets" / "console-token").read_text()
    # A process that has just begun uses a page of memory.
    eventually(lambda: (shop_with_console.status()["console"]["memory"] or 0) > 1_000_000)
    status = shop_with_console.status()
    console = status["console"]
    assert console["link"] == f"{console['url']}/#token={token}"
    assert psutil.pid_exists(console["pid"])
    assert [one["service"] for one in status["services"]] == ["cart", "storefront"]
    assert status["settings"]["port_console"] == int(console["url"].rpartition(":")[2])


def test_the_page_is_served_and_names_the_shop(shop_with_console: SupervisorProcess) -> None:
    url = shop_with_console.status()["console"]["url"]
    assert "<title>" in httpx2.get(url, timeout=20).text
    session = httpx2.get(f"{url}/api/session").json()
    assert (session["mode"], session["shop_url"]) == (
        "local",
        shop_with_console.service("storefront")["url"],
    )


def test_a_console_that_crashes_comes_back_at_the_same_link_and_the_shop_does_not_notice(
    shop_with_console: SupervisorProcess,
) -> None:
    before = eventually(lambda: shop_with_console.status()["console"])
    pid = eventually(lambda: shop_with_console.status()["console"]["pid"])
    os.kill(pid, signal.SIGKILL)
    shop_with_console.wait_for_line(r"✗ console +was ended by SIGKILL: CrashLoopBackOff")
    assert "<title>" in httpx2.get(before["url"], timeout=20).text
    after = shop_with_console.status()
    assert after["console"]["link"] == before["link"]
    assert after["console"]["pid"] != pid
    assert all(one["restarts"] == 0 for one in shop_with_console.replicas())


def test_a_second_console_is_not_started_but_the_link_is_printed(
    shop_with_console: SupervisorProcess,
) -> None:
    done = shop_with_console.command("console")
    link = shop_with_console.status()["console"]["link"]
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"The console of this shop runs already: {link}\n"


@pytest.mark.parametrize("flags", [["--host", "127.0.0.1"], ["--port", "0"]])
def test_a_second_console_elsewhere_is_refused_with_the_way_to_have_it(
    shop_with_console: SupervisorProcess, flags: list[str]
) -> None:
    done = shop_with_console.command("console", *flags)
    link = shop_with_console.status()["console"]["link"]
    assert (done.returncode, done.stdout) == (2, "")
    assert f"runs already: {link}. For one with another host or port, " in done.stderr
    assert " up --no-console --state-dir " in done.stderr


def test_a_console_ends_with_its_supervisor_whatever_the_cause_and_stays_on_loopback(
    start: Start,
) -> None:
    run = start(**CONSOLE_ON, CARTWHEEL_HOST="0.0.0.0").ready()
    console = run.status()["console"]
    process = psutil.Process(eventually(lambda: run.status()["console"]["pid"]))
    assert listeners(int(console["url"].rpartition(":")[2])) <= {"127.0.0.1", "::1"}
    run.process.kill()
    eventually(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


def test_a_taken_port_of_the_console_is_reported_like_that_of_a_service(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = start(**CONSOLE_ON, CARTWHEEL_PORT_CONSOLE=str(port))
        assert run.exit_code() == 2
    assert f"Port {port} for console is taken by" in run.output
    assert f"(pid {os.getpid()})" in run.output
    assert "--port-console or CARTWHEEL_PORT_CONSOLE" in run.output


def test_a_console_by_hand_serves_until_ctrl_c(start: Start) -> None:
    run = start().ready()
    assert run.status()["console"] is None
    with console_by_hand(run.state, "--port", "0") as console:
        link = first_line(console).removeprefix("Console: ").strip()
        url, _, token = link.partition("/#token=")
        assert token == (run.state / "secrets" / "console-token").read_text()
        assert httpx2.get(f"{url}/api/session", timeout=20).status_code == 200
        second = run.command("console")
        elsewhere = run.command("console", "--port", "0")
        console.send_signal(signal.SIGINT)
        output, _ = console.communicate(timeout=20)

    assert second.stdout == f"The console of this shop runs already: {link}\n"
    assert (second.returncode, second.stderr) == (0, "")
    assert elsewhere.returncode == 2
    assert elsewhere.stderr.endswith("For one with another host or port, stop that one first.\n")
    assert (console.returncode, output.splitlines()[-1]) == (0, "Stopped.")
    taken = url.rpartition(":")[2]
    with socket.create_server(("127.0.0.1", int(taken))):
        refused = run.command("console", "--port", taken)
    assert refused.returncode == 2
    assert f"is taken by {psutil.Process().name()} (pid {os.getpid()})" in refused.stderr
    assert "--port." in refused.stderr


def test_without_a_shop_the_console_says_how_to_start_one(tmp_path: Path) -> None:
    done = command(tmp_path, "console")
    assert done.returncode == 1
    assert re.fullmatch(r"Nothing runs in .* To start it: .* up --state-dir .*\n", done.stderr)


def test_a_recording_is_shown_without_a_shop_and_nothing_can_be_changed(tmp_path: Path) -> None:
    made_session = made(seconds=60)
    file = record(tmp_path / "talk.session.jsonl", made_session.entries)
    with console_by_hand(tmp_path / "no-shop", str(file), "--port", "0") as console:
        url = first_line(console).removeprefix("Console: ").strip()
        session = httpx2.get(f"{url}/api/session", timeout=20).json()
        changed = httpx2.put(f"{url}/api/load", headers={"authorization": "Bearer x"})

    assert (session["mode"], session["start"]) == ("recording", made_session.frames[0].at)
    assert "recording" in session["read_only_reason"]
    assert changed.status_code == 401


def test_a_file_that_is_no_recording_is_one_sentence(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("wheels\n")
    done = command(tmp_path, "console", str(file))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert str(file) in done.stderr


def test_a_host_that_others_can_reach_is_refused_without_a_flag(tmp_path: Path) -> None:
    done = command(tmp_path, "console", "--host", "0.0.0.0")
    assert done.returncode == 2
    assert re.fullmatch(r"--host 0\.0\.0\.0: .*--allow-remote\.\n", done.stderr)


def test_a_console_that_others_can_reach_says_that_its_token_can_be_read(start: Start) -> None:
    run = start().ready()
    flags = ("--host", "0.0.0.0", "--allow-remote", "--port", "0")
    with console_by_hand(run.state, *flags) as console:
        port = first_line(console).partition("/#token=")[0].rpartition(":")[2]
        session = httpx2.get(f"http://127.0.0.1:{port}/api/session", timeout=20)
        console.send_signal(signal.SIGINT)
        assert console.stdout is not None
        output = console.stdout.read()

    assert session.status_code == 200
    assert "the token of this link goes over plain HTTP" in " ".join(output.split())
