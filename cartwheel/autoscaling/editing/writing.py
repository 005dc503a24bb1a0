"""Values as YAML: on one line, on lines of their own, or a whole document."""

import json
from typing import Any

import yaml

Data = dict[str, Any] | list[Any] | str | int | float | bool | None

INDENT = 2


def scalar(value: Data, quote: str | None = "") -> str:
    """A text keeps these quotes, or gets some if it needs them."""
    if isinstance(value, str):
        if quote == "'":
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=False) if quote or _needs_quotes(value) else value
    return json.dumps(value)


def _needs_quotes(value: str) -> bool:
    """Whether the plain text would be read as something else."""
    try:
        return bool(yaml.load(f"{{{value}: {value}}}", Loader=yaml.SafeLoader) != {value: value})
    except yaml.YAMLError:
        return True


def flow(value: Data) -> str:
    """On one line."""
    if isinstance(value, dict):
        entries = (f"{scalar(name)}: {flow(one)}" for name, one in value.items())
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def block(name: str, value: Data, column: int) -> str:
    """An entry of block style; lists are of flow mappings, one in a line."""
    space = " " * column
    if isinstance(value, dict) and value:
        lines = [block(key, one, column + INDENT) for key, one in value.items()]
        return "\n".join([f"{space}{scalar(name)}:", *lines])
    if isinstance(value, list) and value:
        items = [f"{' ' * (column + INDENT)}- {flow(one)}" for one in value]
        return "\n".join([f"{space}{scalar(name)}:", *items])
    return f"{space}{scalar(name)}: {flow(value)}"


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]  # it has no types
    """Keeps the lines of a long text."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


def written(data: Data) -> str:
    """The whole document anew."""
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text
