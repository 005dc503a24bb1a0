"""The page of the library shows what it prints."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "autoscaling" / "engine.md"


def test_the_example_prints_what_the_page_shows(capsys: pytest.CaptureFixture[str]) -> None:
    page = PAGE.read_text("utf-8")
    [code] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    shown = re.findall(r"```text\n(.*?)```", page, re.DOTALL)[0]
    exec(code, {})
    assert capsys.readouterr().out == shown
