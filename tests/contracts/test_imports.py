"""Each import contract fails when the import that it forbids is planted.

A contract that is always kept may just look in the wrong place. So the sources are copied, one
violation of each contract of `pyproject.toml` is written into the copy, and the linter must report
every one of them under its contract. Exhaustive contracts must name a module that has no layer.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = {contract["name"]: contract for contract in CONFIG["contracts"]}
UNLISTED = "planted_module_without_a_layer"

Contract = Mapping[str, Any]


@dataclass(frozen=True)
class Violation:
    """An import that one contract forbids, or a new module if nothing is imported."""

    importer: str
    imported: str | None = None

    def plant(self, tree: Path) -> None:
        with source_file(tree, self.importer).open("a") as file:
            file.write(f"\nimport {self.imported}\n" if self.imported else "\n")

    @property
    def reported(self) -> re.Pattern[str]:
        """How the linter reports it, on one line or wrapped."""
        if self.imported is None:
            return re.compile(rf"^- {re.escape(self.importer)}$", re.MULTILINE)
        return re.compile(rf"{re.escape(self.importer)}\s+->\s+{re.escape(self.imported)}\b")


def source_file(tree: Path, module: str) -> Path:
    path = tree.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def existing(pattern: str) -> Iterator[str]:
    """The modules that a pattern like `services.*.models` stands for."""
    for path in sorted(ROOT.glob(pattern.replace(".", "/").rstrip("*") + "*")):
        name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".")
        is_file = path.suffix == ".py" and path.stem != "__init__"
        is_module = is_file or (path / "__init__.py").exists()
        if is_module and re.fullmatch(pattern.replace(".", r"\.").replace("*", r"\w+"), name):
            yield name


def parts(layer: str, contract: Contract) -> list[str]:
    """The parts of a layer, without those in parentheses that are nowhere."""
    return [
        part.strip(" ()")
        for part in layer.split("|")
        if any(
            found
            for container in contract.get("containers", [""])
            for found in existing(f"{container}.{part.strip(' ()')}".strip("."))
        )
    ]


def in_layers(contract: Contract) -> Iterator[Violation]:
    """An import from the lowest layer into the highest, and one between siblings."""
    layers = [
        existing_parts for layer in contract["layers"] if (existing_parts := parts(layer, contract))
    ]
    pairs = [(layers[-1][0], layers[0][0])]
    pairs += [(layer[0], layer[1]) for layer in layers if len(layer) > 1][:1]
    for lower, higher in pairs:
        yield next(
            Violation(lower_module, higher_module)
            for container in contract.get("containers", [""])
            for parent in (existing(container) if container else [""])
            for lower_module in existing(f"{parent}.{lower}".strip("."))
            for higher_module in existing(f"{parent}.{higher}".strip("."))
        )
    if contract.get("exhaustive"):
        for container in contract["containers"]:
            yield Violation(f"{container}.{UNLISTED}")


def between_siblings(contract: Contract) -> Iterator[Violation]:
    first, second, *_ = (name for pattern in contract["modules"] for name in existing(pattern))
    yield Violation(first, second)


def of_a_forbidden_module(contract: Contract) -> Iterator[Violation]:
    for pattern in contract["source_modules"]:
        for forbidden in contract["forbidden_modules"]:
            yield Violation(next(existing(pattern)), forbidden)


KINDS: Mapping[str, Callable[[Contract], Iterator[Violation]]] = {
    "layers": in_layers,
    "independence": between_siblings,
    "forbidden": of_a_forbidden_module,
}


def violations(contract: Contract) -> list[Violation]:
    return list(KINDS[contract["type"]](contract))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What the linter says about each contract that the planted violations break."""
    tree = tmp_path_factory.mktemp("sources")
    for package in CONFIG["root_packages"]:
        shutil.copytree(ROOT / package, tree / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tree)
    for contract in CONTRACTS.values():
        for violation in violations(contract):
            violation.plant(tree)
    lint = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = subprocess.run(
        [sys.executable, "-c", lint, "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode == 1, run.stdout + run.stderr
    return dict(sections(run.stdout))


def ignored(folder: str, names: list[str]) -> list[str]:
    """Everything but Python files: the linter reads nothing else."""
    return [name for name in names if "." in name and not name.endswith(".py")]


def sections(output: str) -> Iterator[tuple[str, str]]:
    """The part about each broken contract: it begins with the contract's underlined name."""
    _, _, broken = output.partition("Broken contracts")
    parts = re.split(r"^(.+)\n-+\n", broken, flags=re.MULTILINE)
    yield from zip(parts[1::2], parts[2::2], strict=True)


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_fails_on_a_planted_violation(report: Mapping[str, str], name: str) -> None:
    assert name in report
    for violation in violations(CONTRACTS[name]):
        assert violation.reported.search(report[name]), (violation, report[name])


def test_a_new_module_of_the_library_must_have_a_layer() -> None:
    """Every package of the library has an exhaustive contract of its own."""
    exhaustive = {
        container
        for contract in CONTRACTS.values()
        if contract.get("exhaustive")
        for container in contract["containers"]
    }
    rooms = {"app", *(f"app.{init.parent.name}" for init in ROOT.glob("app/*/__init__.py"))}
    assert exhaustive >= rooms
