"""Node and its packages, for the variants in JavaScript. They are optional.

The packages have exact versions and are fetched by npm, once, into a folder below the state folder.
"""

import asyncio
import hashlib
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cartwheel.bench.workbench import Workbench
from cartwheel.local.child_processes import run_to_completion

VARIANTS = Path(__file__).parent / "variants"
FILES = ("package.json", "cart_add.lua", "express.js", "fastify.js")
MIN_VERSION = 24
NPM_TIMEOUT = 180.0
NPM_OPTIONS = (
    "--no-audit",
    "--no-fund",
    "--ignore-scripts",
    "--no-package-lock",
    "--loglevel=error",
)


class NodeMissing(Exception):
    """The variants on Node cannot run; the message says why, in one sentence."""


@dataclass(frozen=True)
class Node:
    """A Node with a folder that has the variants and their packages."""

    program: str
    folder: Path


async def find_node(workbench: Workbench, state_dir: Path) -> Node:
    """Fetches the packages if they are not there yet. Raises `NodeMissing`."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        raise NodeMissing(
            f"express and fastify are left out: there is no Node ≥ {MIN_VERSION} here."
        )
    _, version = await run_to_completion(workbench.processes, (program, "--version"))
    major = re.match(r"v(\d+)\.", version)
    if major is None or int(major[1]) < MIN_VERSION:
        raise NodeMissing(
            f"express and fastify are left out: they need Node ≥ {MIN_VERSION}, here is {version}."
        )
    return Node(program, await _packages(workbench, npm, state_dir / "bench"))


async def _packages(workbench: Workbench, npm: str, cache: Path) -> Path:
    folder = _folder_of_these_files(cache)
    if folder.exists():
        return folder
    draft = _new_draft(cache)
    try:
        await _install(workbench, npm, draft)
        _publish(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return folder


def _folder_of_these_files(cache: Path) -> Path:
    content = b"".join((VARIANTS / name).read_bytes() for name in FILES)
    return cache / f"node-{hashlib.sha256(content).hexdigest()[:12]}"


def _new_draft(cache: Path) -> Path:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".node-", dir=cache))
        for name in FILES:
            shutil.copy(VARIANTS / name, draft)
    except OSError as error:
        raise NodeMissing(
            f"express and fastify are left out: {cache} cannot be written ({error.strerror})."
        ) from error
    return draft


def _publish(draft: Path, folder: Path) -> None:
    """Complete or not at all; of two benches at once the first one wins."""
    if not folder.exists():
        draft.rename(folder)


async def _install(workbench: Workbench, npm: str, folder: Path) -> None:
    command = (npm, "install", "--prefix", str(folder), *NPM_OPTIONS)
    try:
        async with asyncio.timeout(NPM_TIMEOUT):
            code, output = await run_to_completion(
                workbench.processes, command, environment=os.environ
            )
    except TimeoutError:
        code, output = 1, f"npm took longer than {NPM_TIMEOUT:g} s"
    if code:
        lines = [line for line in output.splitlines() if line.strip()] or ["npm said nothing"]
        raise NodeMissing(
            f"express and fastify are left out: their packages could not be fetched ({lines[0]})."
        )
