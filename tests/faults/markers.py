"""Finds the tests with the marker `fault` by reading the source: no test is imported.

The marker is a decorator of a test or of its class, the mark of a parameter in a decorator, or in
`pytestmark`; its arguments are literals.
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
STORES = ("sqlite", "valkey", "postgres")


@dataclass(frozen=True)
class Mark:
    """What one marker says: the rows, and the stores on which its test shows them."""

    rows: frozenset[int]
    stores: frozenset[str]


@dataclass(frozen=True)
class MarkedTest:
    """A test that shows rows of the matrix."""

    path: str
    name: str
    rows: frozenset[int]
    stores: frozenset[str]

    @property
    def node(self) -> str:
        """As pytest names it, without parameters."""
        return f"{self.path}::{self.name}"

    @property
    def sentence(self) -> str:
        return self.name.rpartition("::")[2].removeprefix("test_").replace("_", " ")


@cache
def marked_tests() -> tuple[MarkedTest, ...]:
    """All of them, in the order of their files."""
    return tuple(
        test
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        for source in (file.read_text(),)
        if "mark.fault(" in source
        for test in marked_in(source, path=file.relative_to(ROOT).as_posix())
    )


def marked_in(source: str, *, path: str) -> Iterator[MarkedTest]:
    """The marked tests of one file."""
    module = ast.parse(source, filename=path)
    shared = [
        mark
        for node in module.body
        if isinstance(node, ast.Assign) and _is_named(node.targets, "pytestmark")
        for mark in _marks(node.value)
    ]
    for name, marks in _tests(module.body, shared):
        if marks:
            rows = frozenset[int]().union(*(mark.rows for mark in marks))
            stores = frozenset[str]().union(*(mark.stores for mark in marks))
            yield MarkedTest(path, name, rows, stores)


def _tests(
    body: Iterable[ast.stmt], shared: list[Mark], *, prefix: str = ""
) -> Iterator[tuple[str, list[Mark]]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            marks = shared + [mark for one in node.decorator_list for mark in _marks(one)]
            if isinstance(node, ast.ClassDef):
                yield from _tests(node.body, marks, prefix=f"{prefix}{node.name}::")
            elif node.name.startswith("test_"):
                yield prefix + node.name, marks


def _marks(tree: ast.expr) -> Iterator[Mark]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault":
            options = {one.arg: ast.literal_eval(one.value) for one in node.keywords}
            stores = options.get("store", ())
            yield Mark(
                frozenset(ast.literal_eval(one) for one in node.args),
                frozenset([stores] if isinstance(stores, str) else stores),
            )


def _is_named(targets: list[ast.expr], name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)
