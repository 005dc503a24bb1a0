"""Messages of the `cartwheel` command: hints that work, one line, lines that fit."""

import fcntl
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from cartwheel.local.output import suggested_command
from cartwheel.local.terminal import Terminal
from tests.cartwheel.conftest import Start
from tests.cartwheel.supervisor_process import (
    ROOT,
    SupervisorProcess,
    command,
    environment,
    eventually,
)

NARROW = 80


def in_terminal(state: Path, *arguments: str, columns: int = NARROW) -> str:
    """The output of a command on a terminal of that width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = environment(state, NO_COLOR="1", TERM="xterm")
    env.pop("COLUMNS", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "cartwheel", *arguments],
        cwd=ROOT,
        env=env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    with suppress(OSError):
        while part := os.read(ours, 65536):
            seen += part
    process.wait(30)
    os.close(ours)
    return seen.decode().replace("\r\n", "\n")


def hinted(text: str) -> list[str]:
    """The arguments of the suggested command, without the program."""
    (line,) = (line for line in text.splitlines() if "--state-dir" in line)
    words = shlex.split(line)
    return words[words.index(next(word for word in words if word in ("scale", "up", "down"))) :]


def test_hints_are_commands_that_work_for_this_run(shop: SupervisorProcess) -> None:
    shop.scale_cart(2)
    greeted = shop.command(*hinted(shop.output))
    assert greeted.stdout.startswith("cart: 2 → 4, ready after")
    again = shop.command(*hinted(shop.command("status").stdout))
    assert again.stdout.startswith("cart: 4 → 2, stopped after"), "what is so is no hint"


def test_status_says_where_the_shop_is(shop: SupervisorProcess) -> None:
    assert f"\nShop: {shop.service('storefront')['url']}\n" in shop.command("status").stdout


def test_config_shows_the_settings_of_the_run(shop: SupervisorProcess) -> None:
    port = shop.service("cart")["url"].rpartition(":")[2]
    shown = command(shop.state, "config", CARTWHEEL_PORT_CART="9").stdout
    assert re.search(rf"^CARTWHEEL_PORT_CART +{port}$", shown, re.MULTILINE)
    shown = command(shop.state, "config", "cart").stdout
    assert re.search(rf"^CARTWHEEL_PORT +{port}$", shown, re.MULTILINE)


def test_config_of_a_run_names_its_folder_from_any_working_directory(
    start: Start, tmp_path: Path
) -> None:
    state = Path(os.path.relpath(tmp_path / "state", ROOT))
    start(state=state)
    eventually(lambda: (tmp_path / "state" / "control.sock").exists())
    shown = subprocess.run(
        [sys.executable, "-m", "cartwheel", "config", "--json"],
        cwd=tmp_path,
        env={**environment(tmp_path / "state"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    named = Path(json.loads(shown)["CARTWHEEL_STATE_DIR"])
    assert (tmp_path / named).resolve() == tmp_path / "state"


def test_scaling_to_the_current_count_says_that_nothing_changes(shop: SupervisorProcess) -> None:
    shop.scale_cart(2)
    assert shop.command("scale", "cart", "2").stdout == "cart has 2 replicas already.\n"


def test_scaling_to_none_stops_and_then_there_is_nothing_to_restart(
    shop: SupervisorProcess,
) -> None:
    shop.scale_cart(1)
    stopped = shop.command("scale", "cart", "0")
    assert re.fullmatch(r"cart: 1 → 0, stopped after \d+\.\d s\.\n", stopped.stdout)
    refused = shop.command("restart", "cart")
    assert refused.returncode == 1
    assert refused.stderr.startswith("cart has no replica to restart. To have one: ")
    assert shop.command(*hinted(refused.stderr)).stdout.startswith("cart: 0 → 1, ready after")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("scale", "cart", "-1"), "-1 replicas are not possible: choose 0 to 32.\n"),
        (("scale", "cart", "-12"), "-12 replicas are not possible: choose 0 to 32.\n"),
        (("scale", "cart", "2", "--fast"), "No such option: --fast. Try: {} scale --help\n"),
        (("scale", "cart", "--fast", "-1"), "No such option: --fast. Try: {} scale --help\n"),
        (("up", "--nope", "-1"), "No such option: --nope. Try: {} up --help\n"),
        (("up", "--prot-cart", "9"), "(Possible options: --port-cart). Try: {} up --help\n"),
        (("explain", "--context"), "'--context' requires an argument. Try: {} explain --help\n"),
        (
            ("statsu",),
            "No such command 'statsu'. Did you mean 'status', 'restart'? Try: {} --help\n",
        ),
    ],
)
def test_wrong_usage_is_one_right_sentence(
    shop: SupervisorProcess, arguments: tuple[str, ...], sentence: str
) -> None:
    done = shop.command(*arguments)
    before, _, after = sentence.partition("{}")
    assert done.returncode == 2
    assert before in done.stderr
    assert done.stderr.endswith(after)
    assert done.stderr.count("\n") == 1


def test_the_version_is_printed(tmp_path: Path) -> None:
    assert re.fullmatch(r"cartwheel \d+\.\d+\.\d+\n", command(tmp_path, "--version").stdout)


def test_with_the_version_flag_nothing_else_is_printed(shop: SupervisorProcess) -> None:
    done = shop.command("--version", "status")
    assert re.fullmatch(r"cartwheel \d+\.\d+\.\d+\n", done.stdout)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("desired", "hint"),
    [
        ({"cart": 2}, "scale cart 4"),
        ({"cart": 4}, "scale cart 2"),
        ({"cart": 2, "products": 0}, "scale products 1"),
    ],
)
def test_the_suggested_command_would_change_something(desired: dict[str, int], hint: str) -> None:
    services = [{"service": name, "desired": count} for name, count in desired.items()]
    assert suggested_command(services, is_autoscaled=False) == hint


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("--help",), ("up", "--help"), ("restart", "hats"), ("up", "--stores", "paper")],
)
def test_on_a_terminal_of_80_columns_no_word_is_broken(
    shop: SupervisorProcess, arguments: tuple[str, ...]
) -> None:
    shop.scale_cart(2)
    text = re.sub(r"\x1b\[[0-9;]*m", "", in_terminal(shop.state, *arguments))
    # A path or a command to be copied is not wrapped.
    wide = [line for line in text.splitlines() if len(line) > NARROW and "--state-dir" not in line]
    assert wide == []
    assert "..." not in text.replace("[ARGS]...", "")
    assert "…" not in text
    if arguments == ("status",):
        for replica in shop.replicas():
            assert replica["replica"] in text
            assert str(replica["pid"]) in text


def test_events_are_printed_in_lines_that_fit_a_terminal() -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, NARROW, 0, 0))
    words = "is not ready: takes no requests (store: the one at 127.0.0.1:41987 is not answering)"
    with os.fdopen(theirs, "w") as output:
        terminal = Terminal(output)
        terminal.emit("pending", "storefront-zgd2p", words)
        terminal.close()
        lines = os.read(ours, 65536).decode().splitlines()
    os.close(ours)
    bare = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert len(bare) > 1
    assert max(map(len, bare)) <= NARROW
    assert " ".join(" ".join(bare).split()).endswith(words)
