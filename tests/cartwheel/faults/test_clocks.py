"""A replica with another clock: without a library that shifts it, the fault is refused."""

import sys
from pathlib import Path

import pytest

from cartwheel.errors import CommandError
from cartwheel.local.faults.clocks import clock_shifted


@pytest.mark.skipif(sys.platform != "linux", reason="a clock can be shifted on Linux only")
async def test_a_faketime_that_names_no_library_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = tmp_path / "faketime"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CommandError, match="faketime does not say where its library is"):
        async with clock_shifted(None, seconds=600.0):  # type: ignore[arg-type]
            pass
