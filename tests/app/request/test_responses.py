"""A response carries the request id, and an event stream gives its slot back."""

import pytest
from starlette.types import Message, Scope

from app.errors import BadRequest, NotFound
from app.request.admission import AdmissionControl, Priority, Slot
from app.request.concurrency_limit import ConcurrencyLimit, RouteLatency
from app.request.responses import ResponseSender, is_event_stream
from app.telemetry.context import RequestContext
from app.telemetry.metrics import Metrics

SCOPE: Scope = {"type": "http", "method": "GET"}
JSON = [(b"content-type", b"application/json")]


class Connection:
    """What the caller got, and how it stays connected without sending more."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def receive(self) -> Message:
        return {"type": "http.disconnect"}


def start(headers: list[tuple[bytes, bytes]], status: int = 200) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


@pytest.mark.parametrize(
    "content_type",
    [
        b"text/event-stream",
        b"text/event-stream; charset=utf-8",
        b"text/event-stream;charset=UTF-8",
        b"Text/Event-Stream ; a=b",
    ],
)
def test_an_event_stream_is_known_by_its_media_type(content_type: bytes) -> None:
    assert is_event_stream([(b"cache-control", b"no-store"), (b"content-type", content_type)])


@pytest.mark.parametrize(
    "headers",
    [
        [],
        JSON,
        [(b"content-type", b"text/event-stream-like")],
        [(b"content-type", b"text/plain; a=text/event-stream")],
        [(b"x-kind", b"text/event-stream")],
    ],
)
def test_other_responses_are_no_event_stream(headers: list[tuple[bytes, bytes]]) -> None:
    assert not is_event_stream(headers)


async def test_a_response_carries_the_request_id() -> None:
    connection = Connection()
    response = ResponseSender(connection.send, "r-1")
    await response.send(start(JSON, 201))
    assert response.status == 201
    assert connection.sent == [start([*JSON, (b"x-request-id", b"r-1")], 201)]


async def test_an_event_stream_gives_its_slot_back_when_it_begins() -> None:
    admission = AdmissionControl(
        Metrics("test"), limit=ConcurrencyLimit.fixed(1), max_queued=0, queue_timeout=1
    )
    for headers in (JSON, [(b"content-type", b"text/event-stream")]):
        await admission.acquire(Priority.HIGH, timeout=1)
        response = ResponseSender(Connection().send, "r-1")
        response.slot = Slot(admission, RouteLatency(), RequestContext())
        await response.send(start(headers))
        is_stream = headers != JSON
        assert (response.stream_started_at is not None) == is_stream
        response.slot.release(succeeded=True)
    await admission.acquire(Priority.HIGH, timeout=1)


async def test_a_problem_is_sent_as_a_response() -> None:
    connection = Connection()
    response = ResponseSender(connection.send, "r-1")
    await response.send_problem(NotFound("There is nothing here."), SCOPE, connection.receive)
    assert response.status == 404
    assert (b"x-request-id", b"r-1") in connection.sent[0]["headers"]
    assert b"There is nothing here." in connection.sent[1]["body"]


async def test_no_problem_follows_a_response_that_has_begun() -> None:
    connection = Connection()
    response = ResponseSender(connection.send, "r-1")
    await response.send(start(JSON))
    await response.send_problem(NotFound("There is nothing here."), SCOPE, connection.receive)
    assert response.status == 200
    assert len(connection.sent) == 1


async def test_a_response_that_closes_the_connection_ends_after_the_callers_body() -> None:
    connection = Connection()
    sent_at_the_end: list[int] = []

    async def receive() -> Message:
        sent_at_the_end.append(len(connection.sent))
        return {"type": "http.request", "body": b"", "more_body": False}

    response = ResponseSender(connection.send, "r-1")
    problem = BadRequest("No.", headers={"connection": "close"})
    await response.send_problem(problem, SCOPE, receive)
    assert sent_at_the_end == [2]
    assert [message.get("more_body") for message in connection.sent] == [None, True, False]
