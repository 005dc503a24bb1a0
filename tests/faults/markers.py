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
    """A test that shows rows of the matrix, or one case of a test with parameters."""

    path: str
    name: str
    rows: frozenset[int]
    stores: frozenset[str]
    case: str = ""
    """The id of the parameter that has the marker."""

    @property
    def node(self) -> str:
        """As pytest names it; without parameters, unless one of them has the marker."""
        return f"{self.path}::{self.name}" + (f"[{self.case}]" if self.case else "")

    @property
    def sentence(self) -> str:
        sentence = self.name.rpartition("::")[2].removeprefix("test_").replace("_", " ")
        return f"{sentence}: {self.case}" if self.case else sentence


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
        for mark in map(_mark, _calls(node.value, "mark.fault"))
    ]
    for name, marks, cases in _tests(module.body, shared):
        if marks:
            yield _marked_test(path, name, marks)
        for case, own in cases:
            yield _marked_test(path, name, [*marks, *own], case=case)


def _marked_test(path: str, name: str, marks: Iterable[Mark], *, case: str = "") -> MarkedTest:
    rows = frozenset[int]().union(*(mark.rows for mark in marks))
    stores = frozenset[str]().union(*(mark.stores for mark in marks))
    return MarkedTest(path, name, rows, stores, case)


Cases = list[tuple[str, list[Mark]]]
"""The ids of marked parameters, with their marks."""


def _tests(
    body: Iterable[ast.stmt], shared: list[Mark], *, prefix: str = ""
) -> Iterator[tuple[str, list[Mark], Cases]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            cases = [case for one in node.decorator_list for case in _cases(one)]
            in_cases = {id(mark) for one in node.decorator_list for mark in _marks_of_params(one)}
            calls = [call for one in node.decorator_list for call in _calls(one, "mark.fault")]
            marks = shared + [_mark(call) for call in calls if id(call) not in in_cases]
            if isinstance(node, ast.ClassDef):
                yield from _tests(node.body, marks, prefix=f"{prefix}{node.name}::")
            elif node.name.startswith("test_"):
                yield prefix + node.name, marks, cases


def _cases(decorator: ast.expr) -> Iterator[tuple[str, list[Mark]]]:
    for param in _calls(decorator, "param"):
        marks = [_mark(call) for call in _calls(param, "mark.fault")]
        if marks:
            ids = [one.value for one in param.keywords if one.arg == "id"]
            yield str(ast.literal_eval((ids or param.args)[0])), marks


def _marks_of_params(decorator: ast.expr) -> Iterator[ast.Call]:
    for param in _calls(decorator, "param"):
        yield from _calls(param, "mark.fault")


def _calls(tree: ast.expr, function: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == f"pytest.{function}":
            yield node


def _mark(call: ast.Call) -> Mark:
    options = {one.arg: ast.literal_eval(one.value) for one in call.keywords}
    stores = options.get("store", ())
    return Mark(
        frozenset(ast.literal_eval(one) for one in call.args),
        frozenset([stores] if isinstance(stores, str) else stores),
    )


def _is_named(targets: list[ast.expr], name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)
