"""The installation of the project by `make up`."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "cartwheel", "loadtest", "services")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_editable(sys.argv[1])"


def test_the_project_is_installed_without_a_warning(tmp_path: Path) -> None:
    project = tmp_path / "project"
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, project / package, ignore=ignored)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, project)
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", BUILD, str(tmp_path)],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "!!" not in done.stdout + done.stderr
    assert "arning" not in done.stdout + done.stderr
    assert list(tmp_path.glob("cartwheel-*.editable-*.whl"))
