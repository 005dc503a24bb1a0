"""Every overlay, rendered as `kubectl apply -k` would."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.manifests.objects import OVERLAYS, ROOT, Overlay, parse

HOW_TO_GET_IT = "neither kubectl nor kustomize is on PATH: kubernetes.io/docs/tasks/tools"


def _renderer() -> list[str]:
    if shutil.which("kubectl"):
        return ["kubectl", "kustomize"]
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    pytest.skip(HOW_TO_GET_IT)


@pytest.fixture(scope="session")
def copied_manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's manifests with secrets of its own: a fresh clone has none."""
    folder = tmp_path_factory.mktemp("project")
    made_here = shutil.ignore_patterns("generated", "generated.*")
    for part in ("manifests", "monitoring"):
        shutil.copytree(ROOT / part, folder / part, ignore=made_here)
    generate = folder / "manifests" / "components" / "generated-secrets" / "generate"
    no_cluster = ""
    subprocess.run([generate, no_cluster], check=True, timeout=30)
    return folder


@pytest.fixture(scope="session")
def rendered(copied_manifests: Path) -> dict[str, Overlay]:
    return {name: _render(copied_manifests, name) for name in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def overlay(rendered: dict[str, Overlay], request: pytest.FixtureRequest) -> Overlay:
    return rendered[request.param]


def _render(folder: Path, name: str) -> Overlay:
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
