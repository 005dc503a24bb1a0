"""`cartwheel chaos soak`: what it refuses before anything is started."""

from pathlib import Path
from typing import Any

import pytest

from cartwheel.chaos.soak import command
from cartwheel.errors import UsageError


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"minutes": 0.0}, "--minutes must be from 0.1 to 50."),
        ({"minutes": float("nan")}, "--minutes must be from 0.1 to 50."),
        ({"minutes": 51.0}, "--minutes must be from 0.1 to 50."),
        ({"rate": 0.0}, "--rate must be from 1 to 500."),
        ({"rate": 501.0}, "--rate must be from 1 to 500."),
        ({"seed": -1}, "--seed must be from 0 to 2147483647."),
        ({"html_file": Path("/nowhere/report.html")}, "/nowhere/report.html cannot be written"),
        ({"json_file": Path("/nowhere/soak.json")}, "/nowhere/soak.json cannot be written"),
    ],
)
def test_wrong_usage_is_one_sentence(tmp_path: Path, options: dict[str, Any], error: str) -> None:
    with pytest.raises(UsageError) as caught:
        command.soak(state_dir=tmp_path, **options)
    assert error in str(caught.value)
    assert "\n" not in str(caught.value)
