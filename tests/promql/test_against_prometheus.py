"""Random queries over random series: the values are those of Prometheus.

`prometheus_3.json` holds what the engine of that version gave (its Go package promql, on the series
of the file). An installed promtool is asked too; one of version 2 says nothing about the rules that
differ: it gets no query at the time of a sample, where it counts the start of a range, and no young
counter with gaps, which it extrapolates differently.
"""

import json
import math
import random
from pathlib import Path

import pytest

from cartwheel.promql import QueryError, SampleStore, parse_query
from tests.promql import promtool
from tests.promql.promtool import Result
from tests.promql.random_cases import Case, RandomSeries, random_cases, random_series, store_of

CASES = 400
RECORDED = Path(__file__).with_name("prometheus_3.json")


def test_results_are_those_that_prometheus_3_gave() -> None:
    recorded = json.loads(RECORDED.read_text())
    store = store_of(
        [
            RandomSeries(one["name"], one["labels"], one["values"].split())
            for one in recorded["series"]
        ]
    )
    expected = {
        Case(one["query"], one["at"]): {
            frozenset(labels.items()): value for labels, value in one["result"]
        }
        for one in recorded["cases"]
    }
    different = [
        (case, result, ours)
        for case, result in expected.items()
        if not _agree(ours := _evaluate(case, store), result)
    ]
    assert len(expected) > 100
    assert not different, f"{len(different)} of {len(expected)}, the first: {different[0]}"


@pytest.mark.skipif(not promtool.installed(), reason=promtool.HOW_TO_GET_IT)
@pytest.mark.parametrize("seed", range(3))
def test_results_are_those_of_the_installed_prometheus(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    has_our_rules = promtool.major_version() >= 3
    series = random_series(chance, any_counter=has_our_rules)
    cases = random_cases(chance, CASES, on_samples=has_our_rules)
    expected = promtool.evaluate(series, cases, tmp_path)
    assert sum(result != {} for result in expected.values()) > CASES // 2
    store = store_of(series)
    different = [
        (case, expected[case], ours)
        for case in cases
        if not _agree(ours := _evaluate(case, store), expected[case])
    ]
    assert not different, f"{len(different)} of {CASES}, the first: {different[0]}"


def _evaluate(case: Case, store: SampleStore) -> Result | str:
    try:
        result = parse_query(case.query).evaluate(store, case.at)
    except QueryError as error:
        return str(error)
    return {frozenset(one.labels.items()): one.value for one in result}


def _agree(ours: Result | str, theirs: Result | str) -> bool:
    if isinstance(ours, str) or isinstance(theirs, str):
        return isinstance(ours, str) and isinstance(theirs, str)
    return ours.keys() == theirs.keys() and all(
        math.isclose(value, theirs[labels], rel_tol=1e-9, abs_tol=1e-9)
        or (math.isnan(value) and math.isnan(theirs[labels]))
        for labels, value in ours.items()
    )
