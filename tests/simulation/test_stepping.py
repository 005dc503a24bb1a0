"""`--step` in a real terminal."""

import os
import pty
import select
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from typer.testing import CliRunner

from cartwheel.errors import UsageError
from cartwheel.simulation.command import commands
from tests.simulation.test_command import HPA

ROOT = Path(__file__).parents[2]
ARGUMENTS = ("simulate", "--stages=30s:50,60s:130", "--step", HPA)


class Stepper:
    """The command in a terminal of its own."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cartwheel", *ARGUMENTS],
            cwd=ROOT,
            env={**os.environ, "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "120"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.shown = ""

    def press(self, key: str) -> None:
        os.write(self._ours, key.encode())

    def read_until(self, text: str) -> None:
        """Or to the end of the command."""
        with suppress(OSError):
            while text not in self.shown:
                assert select.select([self._ours], [], [], 20)[0], self.shown
                part = os.read(self._ours, 65536)
                if not part:
                    return
                self.shown += part.decode()

    def close(self) -> int:
        self.read_until("\0")
        os.close(self._ours)
        return self.process.wait(timeout=10)


def test_a_key_is_a_sync_with_its_sentences() -> None:
    stepper = Stepper()
    stepper.read_until("q: quit")
    stepper.press(" ")
    stepper.read_until("stays at 3 replicas.")
    assert "0 s  50 requests/s, capacity 120" in stepper.shown
    stepper.press("n")
    stepper.read_until("goes from 3 to 6 replicas.")
    assert "45 s  130 requests/s" in stepper.shown
    stepper.press("q")
    assert stepper.close() == 0


def test_it_runs_to_the_end_of_the_load() -> None:
    stepper = Stepper()
    stepper.read_until("q: quit")
    stepper.press("r")
    assert stepper.close() == 0
    assert "The load is over." in stepper.shown


def test_without_a_terminal_it_says_so() -> None:
    result = CliRunner().invoke(commands, ARGUMENTS, standalone_mode=False)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == "--step needs a terminal for its keys."
