"""A write that Postgres rolled back for another one is tried again, in every repository."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ONLY_SQLITE = "services/cart/repository/sqlite.py"
"""It has one writer at a time, so no write loses."""
WRITES = ("_database.transaction(", "_database.writing(")


def writing_methods() -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    for file in sorted((ROOT / "services").rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        if path == ONLY_SQLITE or "_database" not in (source := file.read_text()):
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.AsyncFunctionDef) and _writes(node):
                yield f"{path}:{node.name}", node


def _writes(method: ast.AsyncFunctionDef) -> bool:
    return any(write in ast.unparse(method) for write in WRITES)


@pytest.mark.fault(11, store="postgres")
def test_each_write_of_a_repository_is_tried_again_after_a_conflict() -> None:
    methods = dict(writing_methods())
    assert len(methods) > 20
    without = [
        name
        for name, method in methods.items()
        if "retry_conflicts" not in map(ast.unparse, method.decorator_list)
    ]
    assert without == []
