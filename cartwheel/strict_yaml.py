"""Reads a YAML file into a model, strictly; whatever is wrong is one sentence."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from cartwheel.errors import UsageError

T = TypeVar("T")


def read_yaml(file: Path, model: TypeAdapter[T]) -> T:
    """What the file says. Raises `UsageError`; an `OSError` is the caller's."""
    try:
        return model.validate_python(yaml.load(file.read_text(), _UniqueKeys))
    except yaml.YAMLError as error:
        raise UsageError(f"{file.name} is no YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise UsageError(f"{file.name}: {place}: {first['msg']}.") from None


class _UniqueKeys(yaml.SafeLoader):  # type: ignore[misc]
    """YAML forbids a key to come twice; the library takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if len(mapping) < len(node.value):
            raise yaml.constructor.ConstructorError(
                None, None, "a key comes twice", node.start_mark
            )
        return mapping
