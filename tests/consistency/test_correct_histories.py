"""A shop that loses nothing is never accused, whatever crashes."""

import pytest

from cartwheel.consistency import CHECKS, check
from tests.consistency.simulated_shop import soak


@pytest.mark.parametrize("crashes", [0.0, 0.1, 0.4])
def test_no_check_finds_anything_in_correct_histories(crashes: float) -> None:
    for seed in range(60):
        report = check(*soak(seed, crashes=crashes))
        assert report.findings == [], "\n".join([f"seed {seed}", *report.sentences])


def test_each_check_has_looked_at_something() -> None:
    report = check(*soak(1, clients=6))
    assert {result.name for result in report.results if result.passed} == set(CHECKS)
    assert sum(report.operations.values()) == len(soak(1, clients=6)[0])
