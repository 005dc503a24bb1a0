"""Line endings: a shell, make and a container take nothing but LF."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from cartwheel.doctor.check import Check
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.doctor.local.machine import Machine
from cartwheel.doctor.words import count

PATTERNS = (
    *("Makefile", "Dockerfile*", "*.yaml", "cartwheel/*.sh", "requirements/*.txt"),
    *("manifests/**/*.yaml", "manifests/**/*.env", "manifests/**/*.sh", "manifests/**/*.conf"),
    *("manifests/**/generate", "services/*/Dockerfile*", "monitoring/**/*.yaml"),
)
MAX_NAMED = 3


def examine(machine: Machine) -> Iterator[Outcome]:
    if not machine.is_checkout:
        return
    files = [*files_for_shells(machine.code)]
    wrong = [file.relative_to(machine.code) for file in files if b"\r\n" in file.read_bytes()]
    if not wrong:
        yield Healthy(f"{count(len(files), 'file')} with LF")
        return
    named = ", ".join(map(str, wrong[:MAX_NAMED]))
    more = f" and {len(wrong) - MAX_NAMED} more" if len(wrong) > MAX_NAMED else ""
    paths = " ".join(shlex.quote(str(file)) for file in wrong)
    yield Finding(
        about="line endings",
        problem=f"CRLF in {named}{more}, which shells, make and containers do not take",
        evidence="these files were read",
        command=f"cd {shlex.quote(str(machine.code))} && perl -pi -e 's/\\r$//' {paths}",
    )


def files_for_shells(root: Path) -> Iterator[Path]:
    """The files of a checkout that something else than Python reads."""
    found = {file for pattern in PATTERNS for file in root.glob(pattern) if file.is_file()}
    yield from sorted(found)


CHECK = Check("line-endings", "CRLF in the scripts and manifests of a checkout", examine)
