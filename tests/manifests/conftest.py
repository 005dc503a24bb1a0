"""Every overlay, rendered once."""

from pathlib import Path

import pytest

from tests.manifests.objects import OVERLAYS, Overlay
from tests.manifests.rendering import copy_manifests, render


@pytest.fixture(scope="session")
def copied_manifests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    copy_manifests(folder)
    return folder


@pytest.fixture(scope="session")
def rendered(copied_manifests: Path) -> dict[str, Overlay]:
    return {name: render(copied_manifests, name) for name in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def overlay(rendered: dict[str, Overlay], request: pytest.FixtureRequest) -> Overlay:
    return rendered[request.param]
