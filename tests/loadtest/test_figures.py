"""The figures of a load, second by second."""

from loadtest.figures import Figures, whole_seconds


def figures_of(seconds: float) -> Figures:
    return Figures(0.0, seconds, 4, 0, 4, {}, 0, None, None, None)


def test_a_short_rest_at_the_end_is_no_second() -> None:
    second, rest = figures_of(1.0), figures_of(0.004)
    assert whole_seconds([second, second, rest]) == [second, second]
    assert whole_seconds([second, second]) == [second, second]
    assert whole_seconds([rest]) == [rest]
    assert whole_seconds([]) == []
