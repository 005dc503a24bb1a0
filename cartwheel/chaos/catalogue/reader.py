"""Reads the files of the catalogue."""

import difflib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from cartwheel.chaos.catalogue.fault import Fault
from cartwheel.errors import UsageError
from cartwheel.strict_yaml import read_yaml

FOLDER = Path(__file__).parent
_FAULT = TypeAdapter(Fault)


@cache
def faults() -> Mapping[str, Fault]:
    """All of them by name. Raises `UsageError`."""
    found = [read_fault(file) for file in sorted(FOLDER.glob("*.yaml"))]
    return {fault.id: fault for fault in found}


def find_fault(name: str) -> Fault:
    """Raises `UsageError`, which suggests the nearest name."""
    known = faults()
    if name in known:
        return known[name]
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {nearest[0]}?" if nearest else "see cartwheel chaos list."
    raise UsageError(f"There is no fault {name!r}: {hint}")


def read_fault(file: Path) -> Fault:
    """The fault of a file that is named like it. Raises `UsageError`."""
    fault = read_yaml(file, _FAULT)
    if fault.id != file.stem:
        raise UsageError(f"{file.name}: its id is {fault.id}: name the file like it.")
    return fault


def fault_as_json(fault: Fault) -> dict[str, Any]:
    """All fields, as in the file."""
    return fault.model_dump(mode="json")


def catalogue_schema() -> dict[str, Any]:
    """The JSON Schema of a file of the catalogue."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Fault.model_json_schema(),
    }
