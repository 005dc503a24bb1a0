"""The context that is current inside and outside of requests."""

import time

import pytest

from app.telemetry.context import (
    NO_REQUEST,
    Deadline,
    RequestContext,
    current_context,
    use_context,
    without_deadline,
)


def test_outside_of_requests_there_is_no_context() -> None:
    assert current_context() is NO_REQUEST


def test_a_background_task_uses_its_own_context() -> None:
    with use_context(RequestContext(deadline=Deadline.after(5))) as context:
        assert current_context() is context
    assert current_context() is NO_REQUEST


def test_generated_ids_are_made_once_and_differ() -> None:
    first, second = RequestContext(), RequestContext()
    ids = [first.request_id, first.trace_id, first.span_id]
    assert [first.request_id, first.trace_id, first.span_id] == ids
    assert first.traceparent == f"00-{first.trace_id}-{first.span_id}-00"
    assert not {*ids} & {second.request_id, second.trace_id, second.span_id}


def test_work_without_the_deadline_is_in_the_same_trace() -> None:
    context = RequestContext("r-1", flags="01", tracestate="a=1", deadline=Deadline.after(5))
    with use_context(context):
        shared = without_deadline()
    assert shared.deadline is None
    assert (shared.request_id, shared.traceparent) == ("r-1", context.traceparent)
    assert shared.tracestate == "a=1"


def test_waits_for_upstreams_that_overlap_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    context = RequestContext()
    assert context.seconds_waited(now[0]) == 0
    shared = context.with_deadline(None)
    with context.upstream_wait:
        now[0] += 1
        with shared.upstream_wait:
            now[0] += 2
    now[0] += 4
    assert context.seconds_waited(now[0]) == shared.seconds_waited(now[0]) == 3
    with context.upstream_wait:
        now[0] += 0.5
        assert context.seconds_waited(now[0]) == 3.5


def test_the_lag_after_each_wait_is_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    context = RequestContext()
    for _ in range(2):
        with context.upstream_wait:
            now[0] += 3
    assert context.seconds_waited(now[0], lag=0.5) == 5
    assert context.seconds_waited(now[0], lag=4) == 0
