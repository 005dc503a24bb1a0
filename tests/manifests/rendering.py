"""Overlays, rendered as `kubectl apply -k` would."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.manifests.objects import ROOT, Overlay, parse

HOW_TO_GET_IT = "neither kubectl nor kustomize is on PATH: kubernetes.io/docs/tasks/tools"


def copy_manifests(folder: Path) -> None:
    """Copy the project's manifests, with secrets of their own: a fresh clone has none."""
    made_here = shutil.ignore_patterns("generated", "generated.*")
    for part in ("manifests", "monitoring"):
        shutil.copytree(ROOT / part, folder / part, ignore=made_here)
    generate = folder / "manifests" / "components" / "generated-secrets" / "generate"
    no_cluster = ""
    subprocess.run([generate, no_cluster], check=True, timeout=30)


def render(folder: Path, name: str) -> Overlay:
    """An overlay of the manifests that were copied to `folder`."""
    done = subprocess.run(
        [*_renderer(), str(folder / "manifests" / "overlays" / name)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, f"deprecated or ignored: {done.stderr}"
    return Overlay(name, parse(done.stdout))


def _renderer() -> list[str]:
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    pytest.skip(HOW_TO_GET_IT)
