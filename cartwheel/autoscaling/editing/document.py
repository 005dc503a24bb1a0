"""One YAML document whose text is edited where a value changes, and nowhere else.

The positions of PyYAML's nodes say where a value stands; comments, order, quotes and indentation
around it stay. Every edit is checked: the new text must read as the old data with that one change.
Where it would not, because an alias shares the value for example, the document is written anew,
without its comments.
"""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import yaml

from cartwheel.autoscaling.editing.text_edits import NULL, NotInPlace, Path, remove_text, set_text
from cartwheel.autoscaling.editing.writing import Data, written

MAX_VALUES = 10_000
# Its marks count characters; the one in C makes no difference to the data.
_LOADER = yaml.SafeLoader
_FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class EditError(Exception):
    """A text that cannot be edited; the message says why, as "it has two documents"."""


class Document:
    """Raises `EditError` for a text that is not one mapping. It must be valid YAML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._root = _root_of(text)
        self.data = _data_of(self._root, text)

    def get(self, path: Path) -> Data:
        """The value there; None if there is none."""
        found: Data = self.data
        for step in path:
            if isinstance(found, dict) and isinstance(step, str):
                found = found.get(step)
            elif isinstance(found, list) and isinstance(step, int) and step < len(found):
                found = found[step]
            else:
                return None
        return found

    def set(self, path: Path, value: Data) -> "Document":
        """The document with this value there; mappings on the way that are missing are made."""
        if self.get(path) == value and type(self.get(path)) is type(value):
            return self
        return self._checked(
            lambda: set_text(self.text, self._root, path, value), _with(self.data, path, value)
        )

    def remove(self, path: Path) -> "Document":
        """The document without this entry of a mapping, or last item of a list."""
        if self.get(path) is None and not self.has(path):
            return self
        return self._checked(
            lambda: remove_text(self.text, self._root, path), _without(self.data, path)
        )

    def has(self, path: Path) -> bool:
        """Whether the entry is there, even if it is empty."""
        *parents, name = path
        parent = self.get(parents)
        return isinstance(parent, dict) and name in parent

    def _checked(self, edit: Callable[[], str], expected: Data) -> "Document":
        try:
            found = Document(edit())
        except (NotInPlace, EditError, ValueError):
            return Document(written(expected))
        return found if found.data == expected else Document(written(expected))


def _root_of(text: str) -> yaml.MappingNode:
    try:
        roots = [one for one in yaml.compose_all(text, Loader=_LOADER) if one and one.tag != NULL]
    except yaml.YAMLError as error:
        raise EditError(f"it is no YAML ({str(error).splitlines()[0]})") from None
    if len(roots) != 1:
        raise EditError(f"it has {len(roots)} documents instead of one")
    if not isinstance(roots[0], yaml.MappingNode):
        raise EditError("it is no mapping")
    return roots[0]


def _data_of(root: yaml.Node, text: str) -> dict[str, Any]:
    """Plain data, in which nothing is shared."""
    if sum(1 for _ in islice(_values(root), MAX_VALUES + 1)) > MAX_VALUES:
        raise EditError(f"it has more than {MAX_VALUES:,} values, with those of its aliases")
    try:
        documents = yaml.load_all(text, Loader=_FAST_LOADER)
        document = next(one for one in documents if one is not None)
        data: dict[str, Any] = json.loads(json.dumps(document, default=str))
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise EditError(f"it has a value that cannot be kept ({error})") from None
    return data


def _values(node: yaml.Node) -> Iterator[yaml.Node]:
    """Each value as often as it occurs; without an end if one contains itself."""
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        if isinstance(found, yaml.MappingNode):
            waiting += [one for pair in found.value for one in pair]
        elif isinstance(found, yaml.SequenceNode):
            waiting += found.value


def _with(data: Data, path: Path, value: Data) -> Data:
    """The data with this value there."""
    if not path:
        return value
    step, *rest = path
    if isinstance(step, int):
        items = list(data) if isinstance(data, list) else []
        before = items[step] if step < len(items) else None
        return [*items[:step], _with(before, rest, value), *items[step + 1 :]]
    entries = dict(data) if isinstance(data, dict) else {}
    return {**entries, step: _with(entries.get(step), rest, value)}


def _without(data: Any, path: Path) -> Data:
    step, *rest = path
    if rest:
        return _with(data, [step], _without(data[step], rest))
    if isinstance(data, list):
        return data[:-1]
    return {name: value for name, value in data.items() if name != step}
