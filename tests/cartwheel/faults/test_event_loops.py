"""Requests to block an event loop do not outlive the supervisor for long."""

from pathlib import Path

from cartwheel.local.faults.blockable_service import request_file
from cartwheel.local.faults.event_loops import forget_requests


def test_requests_that_a_killed_supervisor_left_are_deleted(tmp_path: Path) -> None:
    request_file(tmp_path, "cart-7xk2b").write_text("5")
    other = tmp_path / "control.sock"
    other.touch()
    forget_requests(tmp_path)
    assert [*tmp_path.iterdir()] == [other]
