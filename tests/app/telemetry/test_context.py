"""The context that is current inside and outside of requests."""

from app.telemetry.context import NO_REQUEST, Deadline, RequestContext, current_context, use_context


def test_outside_of_requests_there_is_no_context() -> None:
    assert current_context() is NO_REQUEST


def test_a_background_task_uses_its_own_context() -> None:
    with use_context(RequestContext(deadline=Deadline.after(5))) as context:
        assert current_context() is context
    assert current_context() is NO_REQUEST
