"""The installation of the project: by `make up`, and by pip without the shop."""

import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from cartwheel.cli import COMMANDS, SHOP_COMMANDS, load_command

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "cartwheel", "loadtest", "services")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_editable(sys.argv[1])"

# Runs the command as if the packages of the services were not installed.
WITHOUT_SHOP = """
import sys
for name in {modules}:
    sys.modules[name] = None
from cartwheel.cli import main
main()
"""


def without_the_shop(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = WITHOUT_SHOP.format(modules=modules_of_the_shop())
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def modules_of_the_shop() -> list[str]:
    """The importable names of the packages that only the shop needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = {Requirement(line).name for line in project["dependencies"]}
    extras = project["optional-dependencies"]
    shop = {Requirement(line).name for line in (*extras["services"], *extras["shop"])} - base
    return sorted(
        module
        for module, packages in metadata.packages_distributions().items()
        if shop & set(packages) - {"cartwheel", "setuptools"}
    )


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - SHOP_COMMANDS.keys()))
def test_a_command_for_any_cluster_needs_nothing_of_the_shop(name: str) -> None:
    done = without_the_shop(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_has_the_first_line_of_their_help(name: str) -> None:
    first_paragraph = (load_command(name).help or "").partition("\n\n")[0]
    assert COMMANDS[name][1] == " ".join(first_paragraph.split())


def test_the_list_of_commands_imports_none_of_them() -> None:
    code = (
        "import sys\nfrom cartwheel.cli import COMMANDS, app\n"
        "app(['--help'], standalone_mode=False)\n"
        "print(*sorted(sys.modules.keys() & {module for module, _ in COMMANDS.values()}), end='')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert f"doctor     {COMMANDS['doctor'][1]}\n" in done.stdout
    assert done.stdout.endswith("\n")


def test_a_command_of_the_shop_says_what_is_not_installed() -> None:
    assert "fastapi" in modules_of_the_shop()
    done = without_the_shop("up", "--stores", "real")
    assert done.returncode == 2
    assert done.stderr == (
        "up needs the extra `shop`, which is not installed here. In a clone: make up\n"
    )
    assert "Not installed: needs the extra `shop`." in without_the_shop("--help").stdout


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
