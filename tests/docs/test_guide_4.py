"""Guide 4, done as it is written in a copy of the checkout, up to the cluster."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.docs.pages import ROOT, Block, Page
from tests.support.ports import free_port

GUIDE = "docs/guide/4-add-your-own-service.md"
NOT_OF_THE_CHECKOUT = shutil.ignore_patterns(
    ".git",
    ".venv",
    ".cartwheel",
    ".*_cache",
    "__pycache__",
    "*.egg-info",
    "build",
    "generated",
    "generated.*",
)
# Stands before the real one on PATH: an expression that changes nothing is a mistake of the page.
CAREFUL_SED = """#!{python}
import subprocess, sys
arguments, expressions = sys.argv[1:], []
while "-e" in arguments:
    at = arguments.index("-e")
    expressions.append(arguments[at + 1])
    del arguments[at : at + 2]
if not expressions:
    expressions.append(arguments.pop(0))
text = open(arguments[0]).read()
for expression in expressions:
    done = subprocess.run(["{sed}", "-e", expression], input=text, capture_output=True, text=True)
    if done.returncode != 0 or done.stdout == text:
        sys.exit(f"sed: {{expression}} changes nothing in {{arguments[0]}}: {{done.stderr}}")
    text = done.stdout
sys.stdout.write(text)
"""
# The tests that `make test ARGS=…` runs, with the environment that runs this one. The guide touches
# no secret, and the tests of secrets wait for clusters that do not respond.
MAKE = """#!/bin/sh
exec "{python}" -m pytest -q -p no:cacheprovider \\
  --ignore=tests/manifests/test_secrets.py "${{2#ARGS=}}"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout as a repository of its own."""
    folder = tmp_path / "cartwheel"
    shutil.copytree(ROOT, folder, ignore=NOT_OF_THE_CHECKOUT)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / ".git-exclude").write_text(".venv\n.git-exclude\n")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    exclude = ["-c", "core.excludesFile=.git-exclude"]
    for command in (["init", "-q"], [*exclude, "add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return folder


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH with a `sed` that says when it has changed nothing, and a `make`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    texts = {"sed": CAREFUL_SED, "make": MAKE}
    for name, text in texts.items():
        program = folder / name
        program.write_text(text.format(python=sys.executable, sed=shutil.which("sed")))
        program.chmod(0o755)
    return folder


class Reader:
    """Somebody who does what the page says."""

    def __init__(self, checkout: Path, programs: Path, port: int) -> None:
        self.checkout = checkout
        self._port = str(port)
        self._environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}

    def do(self, block: Block) -> None:
        first, _, rest = block.text.partition("\n")
        insertion = re.fullmatch(r"# (\S+): insert before the line `(.+)`", first)
        match block.language:
            case "yaml" if insertion:
                self._insert(self.checkout / insertion[1], insertion[2], rest)
            case "yaml" | "python":
                self._write(self.checkout / first.removeprefix("# "), block.text)
            case "sh":
                self._run(block.text)
            case "console":
                self._type(block)

    def _write(self, file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def _insert(self, file: Path, before: str, text: str) -> None:
        lines = file.read_text().splitlines(keepends=True)
        (at,) = [number for number, line in enumerate(lines) if line.strip() == before]
        file.write_text("".join([*lines[:at], text, *lines[at:]]))

    def _type(self, block: Block) -> None:
        commands = [one.text for one in block.commands()]
        wanted = [line for line in block.text.splitlines() if not line.startswith("$ ")]
        shown = self._run("set -m\n" + "\n".join(commands) + "\n")
        for line in wanted:
            match = re.search(re.escape(line).replace("…", ".*"), shown)
            assert match is not None, f"line {block.line}: {line} is not in:\n{shown}"
            shown = shown[match.end() :]

    def _run(self, script: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script.replace("8105", self._port)],
            cwd=self.checkout,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def _blocks(chapters: Iterator[str]) -> list[Block]:
    return [block for text in chapters for block in Page(GUIDE, text).blocks]


def _chapters() -> dict[str, str]:
    """Title → text, in the order of the page."""
    parts = re.split(r"^## \d+\. (.+)$", (ROOT / GUIDE).read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on PATH")
def test_done_as_written_the_guide_adds_a_service_and_removes_it(
    checkout: Path, programs: Path
) -> None:
    reader = Reader(checkout, programs, free_port())
    chapters = _chapters()
    removal = chapters.pop("Remove it")
    chapters.pop("Run it in the cluster")
    for block in _blocks(iter(chapters.values())):
        reader.do(block)

    deployment = yaml.safe_load((checkout / "manifests/base/giftwrap/deployment.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["requests"] == {"cpu": "20m", "memory": "40Mi"}
    assert "CARTWHEEL_SECRETS_DIR" not in {one["name"] for one in container["env"]}

    reader.do(Page(GUIDE, removal).blocks[0])
    left = subprocess.run(
        ["git", "-c", "core.excludesFile=.git-exclude", "status", "--porcelain"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    assert left.stdout == ""


def test_a_sed_that_changes_nothing_is_noticed(checkout: Path, programs: Path) -> None:
    reader = Reader(checkout, programs, free_port())
    old = (
        "sed -e 's/storefront/a/' -e 's/cpu: 100m/cpu: 20m/' manifests/base/storefront/service.yaml"
    )
    with pytest.raises(AssertionError, match=r"cpu: 100m.* changes nothing"):
        reader.do(Block(GUIDE, 1, "sh", f"{old} > service.yaml\n"))
