"""The virtual environment: a copied or moved one runs the wrong code, or nothing."""

import platform
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from cartwheel.doctor.check import Check
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.doctor.local.machine import Machine

# In the first line of a script; in the second where the kernel could not read the path.
INTERPRETERS = (
    re.compile(r"""^'{3}exec' "?(/[^\n"]+?)"? ["']""", re.MULTILINE),
    re.compile(r"^#!(/\S+)"),
)
SHELLS = ("/bin/sh", "/usr/bin/env")


def examine(machine: Machine) -> Iterator[Outcome]:
    other = machine.folder / "cartwheel" / "doctor"
    if other.exists() and not other.samefile(machine.code / "cartwheel" / "doctor"):
        yield Finding(
            about="cartwheel",
            problem=f"this command runs the code of {machine.code}, not of the folder you are in",
            evidence=f"the Python that runs it is {sys.executable}",
            command="rm -rf .venv && make up",
        )
    script = machine.prefix / "bin" / "cartwheel"
    interpreter = interpreter_of(script) if machine.prefix != Path(sys.base_prefix) else None
    if interpreter is None or _is_in(interpreter, machine.prefix):
        yield Healthy(f"Python {platform.python_version()}")
        return
    yield Finding(
        about=str(machine.prefix),
        problem="this virtual environment was moved or copied",
        evidence=f"its script cartwheel starts {interpreter}, which is "
        + ("in another environment" if interpreter.exists() else "not there"),
        command=f"rm -rf {shlex.quote(str(machine.prefix))} && make up",
    )


def interpreter_of(script: Path) -> Path | None:
    """The Python that a script of an environment starts; None if it does not say."""
    try:
        text = script.read_text()
    except (OSError, UnicodeDecodeError):
        return None
    found = next((found for pattern in INTERPRETERS if (found := pattern.search(text))), None)
    # A script that searches its Python names none.
    return None if found is None or found[1] in SHELLS else Path(found[1])


def _is_in(interpreter: Path, prefix: Path) -> bool:
    home = interpreter.parent.parent
    return home.exists() and prefix.exists() and home.samefile(prefix)


CHECK = Check("environment", "the Python and its virtual environment", examine)
