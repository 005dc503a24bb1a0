"""One YAML document whose text is edited where a value changes, and nowhere else.

The positions of PyYAML's nodes say where a value stands; comments, order, quotes and indentation
around it stay. Every edit is checked: the new text must read as the old data with that one change.
Where it would not, because an alias shares the value for example, the document is written anew,
without its comments.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import yaml

Path = Sequence[str | int]
Data = dict[str, Any] | list[Any] | str | int | float | bool | None

MAX_VALUES = 10_000
INDENT = 2
_NULL = "tag:yaml.org,2002:null"
# Its marks count characters; the one in C makes no difference to the data.
_LOADER = yaml.SafeLoader
_FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class EditError(Exception):
    """A text that cannot be edited; the message is a sentence without its subject's name."""


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
            lambda: _set_text(self.text, self._root, path, value), _with(self.data, path, value)
        )

    def remove(self, path: Path) -> "Document":
        """The document without this entry of a mapping, or last item of a list."""
        if self.get(path) is None and not self.has(path):
            return self
        return self._checked(
            lambda: _remove_text(self.text, self._root, path), _without(self.data, path)
        )

    def has(self, path: Path) -> bool:
        """Whether the entry is there, even if it is empty."""
        *parents, name = path
        parent = self.get(parents)
        return isinstance(parent, dict) and name in parent

    def _checked(self, edit: Callable[[], str], expected: Data) -> "Document":
        try:
            found = Document(edit())
        except (_NotInPlace, EditError, ValueError):
            return Document(_written(expected))
        return found if found.data == expected else Document(_written(expected))


class _NotInPlace(Exception):
    """The text has no place of its own for this value."""


def _root_of(text: str) -> yaml.MappingNode:
    try:
        roots = [one for one in yaml.compose_all(text, Loader=_LOADER) if one and one.tag != _NULL]
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


def _set_text(text: str, root: yaml.Node, path: Path, value: Data) -> str:
    found, rest = _follow(root, path)
    if not rest:
        return _replace(text, found, value)
    for step in reversed(rest[1:]):
        value = [value] if isinstance(step, int) else {step: value}
    if isinstance(found, yaml.SequenceNode):
        return _append_item(text, found, value)
    return _insert_entry(text, root, found, (str(rest[0]), value), path[: len(path) - len(rest)])


def _remove_text(text: str, root: yaml.Node, path: Path) -> str:
    parent, rest = _follow(root, path[:-1])
    if rest:
        raise _NotInPlace
    if isinstance(parent, yaml.SequenceNode):
        index = len(parent.value) - 1
        first, last = parent.value[index], parent.value[index]
    elif isinstance(parent, yaml.MappingNode):
        keys = [key.value for key, _ in parent.value]
        index = keys.index(path[-1])
        first, last = parent.value[index]
    else:
        raise _NotInPlace
    if len(parent.value) == 1:
        return _empty(text, root, parent, path[:-1])
    start, end = first.start_mark.index, _end_of(text, last)
    if not parent.flow_style:
        return _without_lines(text, start, end)
    if index:
        return text[: text.rindex(",", 0, start)] + text[end:]
    return text[:start] + text[text.index(",", end) + 1 :].lstrip(" ")


def _without_lines(text: str, start: int, end: int) -> str:
    """Without the lines of an entry of block style, which must begin a line of its own."""
    line_start = text.rfind("\n", 0, start) + 1
    if text[line_start:start].strip(" -") or text[line_start:start].count("-") > 1:
        raise _NotInPlace
    return text[:line_start] + text[_line_end(text, end) + 1 :]


def _empty(text: str, root: yaml.Node, node: yaml.CollectionNode, path: Path) -> str:
    """With an empty collection in its place."""
    brackets = "{}" if isinstance(node, yaml.MappingNode) else "[]"
    end = _end_of(text, node)
    if node.flow_style:
        return text[: node.start_mark.index] + brackets + text[end:]
    key = _key_of(root, path)
    return f"{text[: key.end_mark.index]}: {brackets}{text[_line_end(text, end) :]}"


def _replace(text: str, node: yaml.Node, value: Data) -> str:
    """With another value in the place of this one, in quotes if that one was."""
    if not isinstance(node, yaml.ScalarNode) or isinstance(value, (dict, list)):
        raise _NotInPlace
    if node.style not in (None, "'", '"'):
        raise _NotInPlace
    start, end = node.start_mark.index, node.end_mark.index
    quote = node.style if isinstance(value, str) else ""
    space = " " if start == end and text[start - 1] == ":" else ""
    return f"{text[:start]}{space}{_scalar(value, quote)}{text[end:]}"


def _insert_entry(
    text: str, root: yaml.Node, parent: yaml.Node, entry: tuple[str, Data], path: Path
) -> str:
    """With an entry at the end of a mapping, or in one that is empty."""
    name, value = entry
    flow = f"{_scalar(name)}: {_flow(value)}"
    if isinstance(parent, yaml.MappingNode) and parent.flow_style:
        if not parent.value:
            return text[: parent.start_mark.index] + f"{{{flow}}}" + text[_end_of(text, parent) :]
        end = _end_of(text, parent.value[-1][1])
        return f"{text[:end]}, {flow}{text[end:]}"
    if isinstance(parent, yaml.MappingNode):
        end = _line_end(text, _end_of(text, parent.value[-1][1]))
        column = parent.value[0][0].start_mark.column
    elif parent.tag == _NULL:
        end = _line_end(text, parent.end_mark.index)
        column = _key_of(root, path).start_mark.column + INDENT
    else:
        raise _NotInPlace
    return f"{text[:end]}\n{_block(name, value, column)}{text[end:]}"


def _append_item(text: str, node: yaml.SequenceNode, value: Data) -> str:
    if not node.value:
        return text[: node.start_mark.index] + f"[{_flow(value)}]" + text[_end_of(text, node) :]
    end = _end_of(text, node.value[-1])
    if node.flow_style:
        return f"{text[:end]}, {_flow(value)}{text[end:]}"
    end, column = _line_end(text, end), node.start_mark.column
    dash = f"{' ' * column}- "
    if isinstance(value, dict) and not node.value[-1].flow_style:
        lines = [f"{name}: {_flow(one)}" for name, one in value.items()]
        item = dash + f"\n{' ' * (column + INDENT)}".join(lines)
    else:
        item = dash + _flow(value)
    return f"{text[:end]}\n{item}{text[end:]}"


def _follow(root: yaml.Node, path: Path) -> tuple[yaml.Node, Path]:
    """The node at the end of the path, or the last one on it and what is left."""
    node = root
    for index, step in enumerate(path):
        found = _child(node, step)
        if found is None:
            return node, path[index:]
        key, child = found
        if child.start_mark.index < key.start_mark.index:
            raise _NotInPlace  # an alias of what stands before
        node = child
    return node, ()


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """Key and value; of an item of a list, the list and the item."""
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        return (node, node.value[step]) if step < len(node.value) else None
    if isinstance(node, yaml.MappingNode):
        return next((pair for pair in node.value if pair[0].value == step), None)
    return None


def _key_of(root: yaml.Node, path: Path) -> yaml.Node:
    parent, rest = _follow(root, path[:-1])
    found = None if rest else _child(parent, path[-1])
    if found is None or isinstance(parent, yaml.SequenceNode):
        raise _NotInPlace
    return found[0]


def _end_of(text: str, node: yaml.Node) -> int:
    """Where its content ends; the node itself goes on to the next token."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end_of(text, last[1] if isinstance(last, tuple) else last)
    end: int = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return len(text[:end].rstrip())
    return end


def _line_end(text: str, index: int) -> int:
    found = text.find("\n", index)
    if found < 0:
        return len(text)
    return found - (text[found - 1] == "\r")


def _scalar(value: Data, quote: str | None = "") -> str:
    if isinstance(value, str):
        if quote == "'":
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=False) if quote or _needs_quotes(value) else value
    return json.dumps(value)


def _needs_quotes(value: str) -> bool:
    """Whether the plain text would be read as something else."""
    try:
        return bool(yaml.load(f"{{{value}: {value}}}", Loader=_LOADER) != {value: value})
    except yaml.YAMLError:
        return True


def _flow(value: Data) -> str:
    if isinstance(value, dict):
        entries = (f"{_scalar(name)}: {_flow(one)}" for name, one in value.items())
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _block(name: str, value: Data, column: int) -> str:
    """An entry of block style; lists are of flow mappings, one in a line."""
    space = " " * column
    if isinstance(value, dict) and value:
        lines = [_block(key, one, column + INDENT) for key, one in value.items()]
        return "\n".join([f"{space}{_scalar(name)}:", *lines])
    if isinstance(value, list) and value:
        items = [f"{' ' * (column + INDENT)}- {_flow(one)}" for one in value]
        return "\n".join([f"{space}{_scalar(name)}:", *items])
    return f"{space}{_scalar(name)}: {_flow(value)}"


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # it has no types
    """Keeps the lines of a long text."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def _written(data: Data) -> str:
    """The whole document anew."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
