"""Edits of the text of a YAML document: what changes is replaced, inserted or removed in place."""

from collections.abc import Sequence

import yaml

from cartwheel.autoscaling.editing.writing import INDENT, Data, block, flow, scalar

Path = Sequence[str | int]

NULL = "tag:yaml.org,2002:null"


class NotInPlace(Exception):
    """The text has no place of its own for this value."""


def set_text(text: str, root: yaml.Node, path: Path, value: Data) -> str:
    """The text with this value there. Raises `NotInPlace`."""
    found, rest = _follow(root, path)
    if not rest:
        return _replace(text, found, value)
    for step in reversed(rest[1:]):
        value = [value] if isinstance(step, int) else {step: value}
    if isinstance(found, yaml.SequenceNode):
        return _append_item(text, found, value)
    return _insert_entry(text, root, found, (str(rest[0]), value), path[: len(path) - len(rest)])


def remove_text(text: str, root: yaml.Node, path: Path) -> str:
    """The text without this entry of a mapping, or the last item of a list.

    Raises `NotInPlace`.
    """
    parent, rest = _follow(root, path[:-1])
    if rest:
        raise NotInPlace
    if isinstance(parent, yaml.SequenceNode):
        index = len(parent.value) - 1
        first, last = parent.value[index], parent.value[index]
    elif isinstance(parent, yaml.MappingNode):
        keys = [key.value for key, _ in parent.value]
        index = keys.index(path[-1])
        first, last = parent.value[index]
    else:
        raise NotInPlace
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
        raise NotInPlace
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
        raise NotInPlace
    if node.style not in (None, "'", '"'):
        raise NotInPlace
    start, end = node.start_mark.index, node.end_mark.index
    quote = node.style if isinstance(value, str) else ""
    space = " " if start == end and text[start - 1] == ":" else ""
    return f"{text[:start]}{space}{scalar(value, quote)}{text[end:]}"


def _insert_entry(
    text: str, root: yaml.Node, parent: yaml.Node, entry: tuple[str, Data], path: Path
) -> str:
    """With an entry at the end of a mapping, or in one that is empty."""
    name, value = entry
    written = f"{scalar(name)}: {flow(value)}"
    if isinstance(parent, yaml.MappingNode) and parent.flow_style:
        if not parent.value:
            return (
                text[: parent.start_mark.index] + f"{{{written}}}" + text[_end_of(text, parent) :]
            )
        end = _end_of(text, parent.value[-1][1])
        return f"{text[:end]}, {written}{text[end:]}"
    if isinstance(parent, yaml.MappingNode):
        end = _line_end(text, _end_of(text, parent.value[-1][1]))
        column = parent.value[0][0].start_mark.column
    elif parent.tag == NULL:
        end = _line_end(text, parent.end_mark.index)
        column = _key_of(root, path).start_mark.column + INDENT
    else:
        raise NotInPlace
    return f"{text[:end]}\n{block(name, value, column)}{text[end:]}"


def _append_item(text: str, node: yaml.SequenceNode, value: Data) -> str:
    if not node.value:
        return text[: node.start_mark.index] + f"[{flow(value)}]" + text[_end_of(text, node) :]
    end = _end_of(text, node.value[-1])
    if node.flow_style:
        return f"{text[:end]}, {flow(value)}{text[end:]}"
    end, column = _line_end(text, end), node.start_mark.column
    dash = f"{' ' * column}- "
    if isinstance(value, dict) and not node.value[-1].flow_style:
        lines = [f"{name}: {flow(one)}" for name, one in value.items()]
        item = dash + f"\n{' ' * (column + INDENT)}".join(lines)
    else:
        item = dash + flow(value)
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
            raise NotInPlace  # an alias of what stands before
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
        raise NotInPlace
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
