from app.telemetry.log_limit import LogLimit
from tests.app.clocks import Clock


def test_a_repeated_failure_is_logged_once_per_interval() -> None:
    clock = Clock()
    limit = LogLimit(60, clock=clock)

    assert [limit.allows("disk full") for _ in range(3)] == [True, False, False]
    clock.advance(59)
    assert not limit.allows("disk full")
    clock.advance(1)
    assert limit.allows("disk full")


def test_different_failures_do_not_hide_one_another() -> None:
    limit = LogLimit(60, clock=Clock())

    assert limit.allows("disk full")
    assert limit.allows("connection lost")
