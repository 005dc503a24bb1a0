"""Reads the rows of the fault matrix."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

HERE = Path(__file__).parent

GROUPS = {
    "infrastructure": "Processes, networks and stores",
    "commerce": "Concurrency, and what a shop promises",
    "input": "Bad input and attacks",
}


class Row(BaseModel):
    """A fault, and what is expected of the shop then."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    number: int
    group: Literal["infrastructure", "commerce", "input"]
    fault: str
    service: str
    expected: str
    cluster: bool = False
    """Whether a cluster shows it."""
    untested: str = ""
    """Why it has no test."""


def read_rows() -> list[Row]:
    with (HERE / "rows.toml").open("rb") as file:
        return [Row.model_validate(row) for row in tomllib.load(file)["row"]]
