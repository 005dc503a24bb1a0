"""Decisions, rules and stores know no status numbers and no headers.

The import contract keeps the frameworks out of them. It cannot see a number, so the sources that it
names are searched for what HTTP looks like without an import.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRACT = "Decisions, rules and stores speak no HTTP"
HTTP_NAMES = frozenset({"headers", "status_code", "media_type", "HTTPStatus"})

PROXY = "storefront"
"""It passes responses of its upstreams on, so it reads their statuses and headers."""


def sources() -> list[Path]:
    """The files of the contract's modules."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = (one for one in config["contracts"] if one["name"] == CONTRACT)
    patterns = [module.replace(".", "/") for module in contract["source_modules"]]
    files = {file for one in patterns for file in ROOT.glob(f"{one}.py")}
    files |= {file for one in patterns for file in ROOT.glob(f"{one}/**/*.py")}
    return sorted(file for file in files if file.relative_to(ROOT).parts[1] != PROXY)


def is_status(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and 100 <= node.value <= 599


def names_a_status(node: ast.expr | ast.keyword) -> bool:
    name = node.arg if isinstance(node, ast.keyword) else ast.unparse(node)
    return re.search(r"\bstatus\b", name or "") is not None


def http_in(source: str) -> Iterator[str]:
    """Each name or number of HTTP, with its line."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(attr=name) | ast.Name(id=name) | ast.keyword(arg=str(name)) if (
                name in HTTP_NAMES
            ):
                yield f"line {node.lineno}: {name}"
            case ast.Compare(left=left, comparators=[right]) if names_a_status(left) and is_status(
                right
            ):
                yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.keyword(value=value) if names_a_status(node) and is_status(value):
                yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.Assign(targets=[target], value=value) if names_a_status(target) and is_status(
                value
            ):
                yield f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_decision_knows_no_status_and_no_header(path: Path) -> None:
    assert list(http_in(path.read_text())) == []


@pytest.mark.parametrize(
    "planted",
    [
        "Reply(status=409, body=body)",
        "if answered.reply.status == 409: ...",
        "status = 202",
        'raise InProgress("Later.", headers={"Retry-After": "1"})',
        "answer.status_code",
        "HTTPStatus.CONFLICT",
    ],
)
def test_a_planted_status_or_header_is_found(planted: str) -> None:
    assert list(http_in(planted))


@pytest.mark.parametrize(
    "innocent", ["status = Status.CONFIRMED", "Text(1, 200)", "status=known", "limit = 500"]
)
def test_other_numbers_and_other_states_are_not_found(innocent: str) -> None:
    assert list(http_in(f"f({innocent})" if "=" in innocent else innocent)) == []
