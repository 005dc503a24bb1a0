"""One concept has one name: words that were retired do not come back.

Looked at are the names of files and of what the code defines: modules, classes, functions,
parameters, constants and fields. Prose may use every word.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import pytest

from tests.docs.facts import files
from tests.docs.pages import ROOT

CODE = ("app", "services", "cartwheel", "loadtest", "monitoring")
# Names that the outside knows: settings, members of JSON, labels and their values.
CONTRACTS = {
    "checkout_patience",
    "store_patience",
    "events_longest_seconds",
    "session_longest_days",
    "longest_password_line",
}
# Where another standard gives the word its meaning.
STANDARD_IN = {
    "app/stores/valkey.py": {"reply"},  # of a command, in Redis' protocol
    "app/stores/valkey_connection.py": {"reply"},
}

RETIRED: Mapping[str, str] = {
    "answer": "response",
    "answered": "succeeded",
    "answers": "responses",
    "ask": "request, send",
    "asks": "requests",
    "basket": "cart",
    "bulletin": "event broker",
    "chores": "maintenance",
    "door": "listening sockets",
    "era": "generation",
    "goodbye": "bye event",
    "goods": "products",
    "guard": "rate limiter",
    "knob": "load control",
    "meanwhile": "run in background",
    "measures": "metrics",
    "pace": "timeouts",
    "patience": "timeout",
    "pen": "svg canvas",
    "persist": "retry",
    "receipt": "idempotency record",
    "renewals": "token refresher",
    "reply": "response",
    "rival": "conflicting order",
    "road": "shipment steps",
    "roll": "rolling restart",
    "said": "message",
    "sealed": "with cookies",
    "shelf": "category",
    "sieve": "filter",
    "soon": "a time or a count",
    "spoken": "format money",
    "strike": "failed attempt",
    "strikes": "failed attempts",
    "surprise": "failed attempt",
    "tally": "load result",
    "tell": "emit, report",
    "tidied": "normalised",
    "till": "cart view",
    "told": "reported",
    "turn": "pick",
    "twin": "duplicate request",
    "verdict": "outcome",
    "wanted": "requested",
    "whoever": "caller, client",
}
# As the first word of a constant, which bounds something.
RETIRED_BOUNDS: Mapping[str, str] = {
    "deepest": "max",
    "least": "min",
    "longest": "max",
    "most": "max",
    "shortest": "min",
    "smallest": "min",
}


def words_of(name: str) -> list[str]:
    """`MAX_TriesLeft` → max, tries, left."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def retired_in(name: str) -> Iterator[str]:
    """What is wrong with a name, in a few words."""
    if name in CONTRACTS:
        return
    words = words_of(name)
    if name.isupper() and words[:1] and words[0] in RETIRED_BOUNDS:
        yield f"{words[0]} is now {RETIRED_BOUNDS[words[0]]}"
    for word in words:
        if word in RETIRED:
            yield f"{word} is now {RETIRED[word]}"


def defined_in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The names that a module defines, each with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef():
                yield node.name, node.lineno
                if not isinstance(node, ast.ClassDef):
                    arguments = node.args
                    for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                        yield one.arg, one.lineno
    for body in (tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))):
        for statement in getattr(body, "body", []):
            for target in _targets(statement):
                yield target, statement.lineno


def _targets(statement: ast.stmt) -> Iterator[str]:
    """The constants of a module and the fields of a class."""
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))


@pytest.mark.parametrize("folder", CODE)
def test_no_file_has_a_retired_name(folder: str) -> None:
    found = {
        f"{path}: {problem}"
        for path in files()
        if path.startswith(f"{folder}/")
        for problem in retired_in(PurePosixPath(path).name)
    }
    assert sorted(found) == []


@pytest.mark.parametrize("folder", CODE)
def test_nothing_is_defined_under_a_retired_name(folder: str) -> None:
    found = [
        f"{path}:{line}: {name}: {problem}"
        for path in sorted(files())
        if path.startswith(f"{folder}/") and path.endswith(".py") and "/migrations/" not in path
        for name, line in defined_in(ast.parse((ROOT / path).read_text()))
        if name not in STANDARD_IN.get(path, ())
        for problem in retired_in(name)
    ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("class CartAnswer: ...", "CartAnswer"),
        ("async def roll(): ...", "roll"),
        ("def send(*, patience): ...", "patience"),
        ("MOST_LINES = 9", "MOST_LINES"),
        ("class A:\n    era: int = 0", "era"),
        ("def _persist(): ...", "_persist"),
    ],
)
def test_a_planted_word_is_found(code: str, name: str) -> None:
    assert [one for one, _ in defined_in(ast.parse(code)) if list(retired_in(one))] == [name]
