"""The made-up session has in it what the tests of the console need to see."""

import pytest

from tests.console.synthetic import BEGIN, CYCLE, SyntheticSession, session


@pytest.fixture(scope="module")
def made() -> SyntheticSession:
    return session()


def test_a_frame_each_second_in_the_order_of_time(made: SyntheticSession) -> None:
    assert [one.at for one in made.frames] == [BEGIN + n for n in range(CYCLE)]
    times = [one.at for one in made.entries]
    assert times == sorted(times)


def test_the_cart_scales_out_and_in(made: SyntheticSession) -> None:
    titles = [one.title for one in made.marks if one.kind == "decision"]

    assert titles[0] == "2 → 7"
    assert titles[-1].endswith("→ 2")


def test_every_phase_of_a_replica_occurs(made: SyntheticSession) -> None:
    phases = {
        replica.phase
        for frame in made.frames
        for service in frame.services
        for replica in service.replicas
    }

    assert phases == {"starting", "ready", "serving", "draining", "crashed"}


def test_a_load_and_a_fault_begin_and_end(made: SyntheticSession) -> None:
    assert {one.kind for one in made.marks} == {"decision", "load", "fault"}
    assert any(one.load for one in made.frames)
    assert any(one.faults for one in made.frames)
    last = made.frames[-1]
    assert (last.load, list(last.faults)) == (None, [])
