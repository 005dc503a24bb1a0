"""The fields of a manifest, read one by one; whatever is wrong is reported with its line.

A field that cannot be read is reported, and a stand-in is returned, so that one pass finds
everything that is wrong in a file.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import TypeVar

import yaml

from cartwheel.autoscaling.manifests.problems import Problem
from cartwheel.autoscaling.quantities import parse_quantity

Choice = TypeVar("Choice", bound=StrEnum)

_INT = "tag:yaml.org,2002:int"
_BOOL = "tag:yaml.org,2002:bool"
_TAGS = {
    "tag:yaml.org,2002:str": "a text",
    _INT: "a number",
    "tag:yaml.org,2002:float": "a number",
    _BOOL: "true or false",
    "tag:yaml.org,2002:timestamp": "a text",
    "tag:yaml.org,2002:seq": "a list",
    "tag:yaml.org,2002:map": "a mapping",
}
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
_TEXTS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp")
_TRUE = ("true", "yes", "on")
_YAML = yaml.constructor.SafeConstructor()
MAX_INT32 = 2**31 - 1
# Python writes longer numbers only on request.
_MAX_DIGITS = 1000


class Report:
    """Collects what is wrong. A lenient report ignores unknown fields: newer APIs have more."""

    def __init__(self, source: str, *, is_strict: bool = True) -> None:
        self.source = source
        self.is_strict = is_strict
        self.problems: list[Problem] = []

    def add(self, message: str, *, path: str = "", node: yaml.Node | None = None) -> None:
        mark = node.start_mark if node is not None else None
        line = mark.line + 1 if mark is not None else None
        self.problems.append(Problem(message, self.source, line, path))


class Fields:
    """The fields of one mapping. As a context manager it reports, at the end, unknown fields.

    What is missing or no mapping is one problem: nothing more is reported of its fields.
    """

    def __init__(self, node: yaml.Node | None, path: str, report: Report) -> None:
        self.path = path
        self._node = node
        self._is_mapping = isinstance(node, yaml.MappingNode)
        self._report = report
        self._known: list[str] = []
        self._wrong: set[str] = set()
        self._keys: dict[str, yaml.Node] = {}
        self._values: dict[str, yaml.Node] = {}
        if isinstance(node, yaml.MappingNode):
            self._add_entries(node)
        elif node is not None:
            report.add(f"must be a mapping, but is {_kind(node)}", path=path, node=node)

    def __enter__(self) -> "Fields":
        return self

    def __exit__(self, *_: object) -> None:
        if not self.is_strict:
            return
        for name, key in self._keys.items():
            if name not in self._known:
                hint = f"; did you mean {best}?" if (best := closest(name, self._known)) else ""
                self._report.add(f"unknown field{hint}", path=self._path_of(name), node=key)

    def has(self, name: str) -> bool:
        """Whether the field is set; as in the API, null is not a value."""
        self._known.append(name)
        return name in self._values and self._values[name].tag != _NULL

    def is_wrong(self, *names: str) -> bool:
        """Whether a problem of one of these fields, or of all, has been reported."""
        return not (self._is_mapping and self._wrong.isdisjoint(names))

    @property
    def is_strict(self) -> bool:
        """Whether what is not known here is a problem."""
        return self._report.is_strict

    def report(self, message: str, name: str | None = None) -> None:
        """Report a problem of this field, or of the whole mapping."""
        if not self._is_mapping:
            return
        if name is None:
            self._report.add(message, path=self.path, node=self._node)
            return
        self._wrong.add(name)
        self._report.add(message, path=self._path_of(name), node=self._place(name))

    def ignore(self, *names: str) -> None:
        """These fields may be set; nothing here depends on them."""
        self._known.extend(names)

    def text(self, name: str, default: str | None = None) -> str:
        """A text that is not empty. Without a default it must be set."""
        node = self._required(name) if default is None else self._optional(name)
        if node is None:
            return default or ""
        text = self._text_of(name, node)
        if not (text or self.is_wrong(name)) and default is None:
            self.report("must not be empty", name)
        return text

    def texts(self, name: str) -> dict[str, str]:
        """A mapping of texts, empty without the field."""
        if (node := self._optional(name)) is None:
            return {}
        return Fields(node, self._path_of(name), self._report).all_texts()

    def all_texts(self) -> dict[str, str]:
        """All fields of this mapping, each a text."""
        return {
            name: str(node.value) if self.is_wrong(name) else self._text_of(name, node)
            for name, node in self._values.items()
        }

    def integer(
        self,
        name: str,
        default: int | None = None,
        *,
        minimum: int = 0,
        maximum: int = MAX_INT32,
    ) -> int:
        """A whole number. Without a default it must be set."""
        node = self._required(name) if default is None else self._optional(name)
        stand_in = minimum if default is None else default
        if node is None:
            return stand_in
        found = _integer(node)
        if found is None:
            self.report(f"must be a whole number, but is {_kind(node)}", name)
        elif found < minimum:
            self.report(f"must be at least {minimum}, but is {found}", name)
        elif found > maximum:
            self.report(f"must be at most {maximum}, but is {found}", name)
        else:
            return found
        return stand_in

    def optional_integer(self, name: str, *, maximum: int = MAX_INT32) -> int | None:
        return self.integer(name, maximum=maximum) if self.has(name) else None

    def boolean(self, name: str) -> bool:
        """True or false; false without the field."""
        if (node := self._optional(name)) is None:
            return False
        if node.tag != _BOOL:
            self.report(f"must be true or false, but is {_kind(node)}", name)
            return False
        return str(node.value).lower() in _TRUE

    def quantity(self, name: str) -> int:
        """A positive quantity, in thousandths. It must be set."""
        text = self._number(name)
        if text is None:
            return 1
        try:
            found = parse_quantity(text)
        except ValueError as error:
            self.report(str(error), name)
            return 1
        if found <= 0:
            self.report(f"must be above 0, but is {text}", name)
        return max(found, 1)

    def share(self, name: str) -> float | None:
        """A quantity that is not negative, as a float; None without the field."""
        if not self.has(name) or (text := self._number(name)) is None:
            return None
        try:
            found = parse_quantity(text)
        except ValueError as error:
            self.report(str(error), name)
            return None
        if found < 0:
            self.report(f"must not be negative, but is {text}", name)
        return found / 1000

    def choice(
        self,
        name: str,
        choices: type[Choice],
        default: Choice | None = None,
        *,
        among: Sequence[Choice] | None = None,
    ) -> Choice:
        """One of these values. Without a default it must be set."""
        allowed = list(choices) if among is None else among
        if default is not None and not self.has(name):
            return default
        text = self.text(name)
        if text in allowed:
            return choices(text)
        if text and not self.is_wrong(name):
            self.report(f"must be {_or(allowed)}, but is {text}{_hint(text, allowed)}", name)
        return default or allowed[0]

    def mapping(self, name: str) -> "Fields":
        """A mapping that must be set."""
        return Fields(self._required(name), self._path_of(name), self._report)

    def optional_mapping(self, name: str) -> "Fields | None":
        node = self._optional(name)
        return None if node is None else Fields(node, self._path_of(name), self._report)

    def items(self, name: str) -> Iterator["Fields"]:
        """The mappings of a list; none without the field."""
        for path, node in self._items(name):
            yield Fields(node, path, self._report)

    def item_texts(self, name: str) -> list[str]:
        """The texts of a list; none without the field."""
        found = []
        for path, node in self._items(name):
            if node.tag in _TEXTS:
                found.append(str(node.value))
            else:
                self._report.add(f"must be a text, but is {_kind(node)}", path=path, node=node)
        return found

    def nodes(self, name: str) -> list[yaml.Node]:
        """The items of a list as they are."""
        return [node for _, node in self._items(name)]

    def _items(self, name: str) -> Iterator[tuple[str, yaml.Node]]:
        if (node := self._optional(name)) is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            self.report(f"must be a list, but is {_kind(node)}", name)
            return
        for index, item in enumerate(node.value):
            yield f"{self._path_of(name)}[{index}]", item

    def _add_entries(self, node: yaml.MappingNode) -> None:
        """Its own entries, then those that it merges (`<<`), which do not override."""
        seen: set[int] = set()
        waiting: list[yaml.Node] = [node]
        while waiting:
            current = waiting.pop()
            # Merges may refer to each other, and to one mapping by many ways.
            if isinstance(current, yaml.MappingNode) and id(current) not in seen:
                seen.add(id(current))
                waiting += reversed(self._add_own_entries(current))

    def _add_own_entries(self, node: yaml.MappingNode) -> list[yaml.Node]:
        """Add its entries that are not set yet; what it merges, in its order."""
        merged: list[yaml.Node] = []
        own: set[str] = set()
        for key, value in node.value:
            if key.tag == _MERGE:
                merged += value.value if isinstance(value, yaml.SequenceNode) else [value]
                continue
            name = str(key.value)
            if name in own:
                self._report.add("duplicate field", path=self._path_of(name), node=key)
            own.add(name)
            self._keys.setdefault(name, key)
            self._values.setdefault(name, value)
        return merged

    def _optional(self, name: str) -> yaml.Node | None:
        return self._values[name] if self.has(name) else None

    def _required(self, name: str) -> yaml.Node | None:
        node = self._optional(name)
        if node is None:
            self.report("missing", name)
        return node

    def _text_of(self, name: str, node: yaml.Node) -> str:
        if node.tag in _TEXTS:
            return str(node.value)
        quotes = f': write "{node.value}"' if isinstance(node, yaml.ScalarNode) else ""
        self.report(f"must be a text, but is {_kind(node)}{quotes}", name)
        return ""

    def _number(self, name: str) -> str | None:
        """The text of a number, whether it is in quotes or not."""
        node = self._required(name)
        if node is None:
            return None
        if node.tag == _INT and (number := _integer(node)) is not None:
            return str(number)
        if isinstance(node, yaml.ScalarNode) and node.tag not in (_INT, _BOOL):
            return str(node.value)
        self.report(f"must be a quantity, but is {_kind(node)}", name)
        return None

    def _path_of(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def _place(self, name: str) -> yaml.Node | None:
        return self._keys.get(name, self._node)


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[found[0]] if found else None


def _hint(text: str, allowed: Iterable[str]) -> str:
    best = closest(text, allowed)
    return f"; did you mean {best}?" if best else ""


def _or(words: Sequence[str]) -> str:
    return " or ".join(part for part in (", ".join(words[:-1]), words[-1]) if part)


def _integer(node: yaml.Node) -> int | None:
    """The number, which may be written as `010` (octal), `0x1f` or `0b11`, as in YAML 1.1."""
    # A number of seconds such as `1:30` is a text for Kubernetes.
    if node.tag != _INT or ":" in node.value or len(node.value) > _MAX_DIGITS:
        return None
    try:
        return int(_YAML.construct_yaml_int(node))
    except (ValueError, IndexError):
        return None


def _kind(node: yaml.Node) -> str:
    if node.tag == _NULL:
        return "empty"
    kind = _TAGS.get(node.tag, f"of the type {node.tag}")
    return f"{kind} ({node.value})" if isinstance(node, yaml.ScalarNode) else kind
