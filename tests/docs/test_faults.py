"""The fault matrix is complete, and its page says what its rows, tests and results say."""

import pytest

from tests.faults.markers import STORES, marked_in, marked_tests
from tests.faults.rows import Row, read_rows
from tests.faults.table import FAILED, NOT_RUN, ON_CLUSTER, PAGE, PASSED, page, verdict_of

ROWS = read_rows()


def test_the_rows_are_numbered_from_1_to_85() -> None:
    assert [row.number for row in ROWS] == list(range(1, 86))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.number))
def test_a_row_has_a_test_or_says_why_not(row: Row) -> None:
    tests = [test for test in marked_tests() if row.number in test.rows]
    assert bool(tests) != bool(row.untested)
    assert not row.cluster or any(test.path.startswith(ON_CLUSTER) for test in tests)


def test_the_page_is_what_the_generator_writes() -> None:
    assert PAGE.read_text() == page(), "run: python -m tests.faults.table"


def test_a_test_without_a_result_has_not_passed() -> None:
    passed, failed, new = marked_tests()[:3]
    results = {passed.node: {"passed": True}, failed.node: {"passed": False}}
    verdicts = [verdict_of(test, results) for test in (passed, failed, new)]
    assert verdicts == [PASSED, FAILED, NOT_RUN]


def test_markers_name_rows_and_stores_that_there_are() -> None:
    numbers = {row.number for row in ROWS}
    for test in marked_tests():
        assert test.rows, f"{test.node} names no row"
        assert test.rows <= numbers, test
        assert test.stores <= set(STORES), test


def test_a_marker_is_found_wherever_it_stands() -> None:
    source = """
pytestmark = [pytest.mark.fault(1)]

class TestStores:
    @pytest.mark.parametrize("store", [pytest.param(1, marks=pytest.mark.fault(2, store="sqlite"))])
    @pytest.mark.fault(3, 4, store=("valkey", "postgres"))
    async def test_it_works(self): ...
"""
    test, case = marked_in(source, path="tests/test_it.py")
    assert test.node == "tests/test_it.py::TestStores::test_it_works"
    assert (test.rows, test.stores) == ({1, 3, 4}, {"valkey", "postgres"})
    assert case.node == "tests/test_it.py::TestStores::test_it_works[1]"
    assert case.sentence == "it works: 1"
    assert (case.rows, case.stores) == ({1, 2, 3, 4}, set(STORES))
