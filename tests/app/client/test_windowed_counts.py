from app.client.windowed_counts import WindowedCounts
from tests.app.clocks import Clock


def test_both_kinds_are_counted_over_the_last_ten_seconds() -> None:
    clock = Clock(0)
    counts = WindowedCounts(clock)
    for second in range(12):
        clock.now = second
        counts.add(0)
        counts.add(second % 2)

    assert counts.totals() == (15, 5)
    clock.now = 21
    assert counts.totals() == (0, 0)
