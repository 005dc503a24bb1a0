"""Under overload, a replica sheds the lowest priorities first."""

import asyncio
import time

import httpx2
import pytest
from fastapi import FastAPI

from app.request.admission import AdmissionControl, Overloaded, Priority, Slot
from app.request.concurrency_limit import ConcurrencyLimit, RouteLatency
from app.settings import ServiceSettings, load
from app.telemetry.context import RequestContext
from app.telemetry.metrics import Metrics
from tests.app.small import build
from tests.support.asgi import call, running
from tests.support.waiting import until

ITEM = {"name": "a", "quantity": 1}


def small(**limits: float) -> FastAPI:
    return build(load(ServiceSettings, **limits))


def sample(metrics: Metrics, name: str, **labels: str) -> float:
    return metrics.registry.get_sample_value(name, labels) or 0.0


async def test_more_than_the_queue_holds_is_shed_at_once() -> None:
    app = small(max_in_flight=2, max_queued=0)
    async with running(app) as client:
        holding = [asyncio.create_task(client.get("/v1/gate"))]
        await until(lambda: sample(app.state.metrics, "http_requests_in_flight") == 1)
        started = time.perf_counter()
        response = await client.get("/v1/gate")
        assert time.perf_counter() - started < 0.1
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert response.json()["type"] == "urn:cartwheel:problem:overloaded"
        app.state.gate.set()
        assert [(await task).status_code for task in holding] == [200]


async def test_waiting_for_a_slot_is_bounded() -> None:
    app = small(max_in_flight=1, queue_timeout=0.05)
    async with running(app) as client:
        holding = asyncio.create_task(client.get("/v1/gate"))
        await until(lambda: sample(app.state.metrics, "http_requests_in_flight") == 1)
        assert (await client.get("/v1/items/1")).status_code == 503
        shed = sample(
            app.state.metrics, "http_requests_shed_total", priority="normal", reason="queue_timeout"
        )
        assert shed == 1
        app.state.gate.set()
        await holding


async def test_a_free_slot_goes_to_a_waiting_request() -> None:
    app = small(max_in_flight=1, queue_timeout=5)
    async with running(app) as client:
        asking = [asyncio.create_task(client.get("/v1/gate")) for _ in range(10)]
        await until(lambda: sample(app.state.metrics, "http_requests_in_flight") == 10)
        app.state.gate.set()
        assert {(await task).status_code for task in asking} == {200}
        assert sample(app.state.metrics, "http_requests_in_flight") == 0


async def test_probes_and_metrics_are_never_shed() -> None:
    app = small(max_in_flight=1, max_queued=0)
    async with running(app) as client:
        holding = asyncio.create_task(client.get("/v1/gate"))
        await until(lambda: sample(app.state.metrics, "http_requests_in_flight") == 1)
        for path in ("/livez", "/readyz", "/healthz", "/metrics"):
            assert (await client.get(path)).status_code == 200
        app.state.gate.set()
        await holding


async def test_shed_requests_are_counted_as_received() -> None:
    app = small(max_in_flight=1, max_queued=0)
    async with running(app) as client:
        holding = asyncio.create_task(client.get("/v1/gate"))
        await until(lambda: sample(app.state.metrics, "http_requests_in_flight") == 1)
        for _ in range(5):
            assert (await client.get("/v1/items/3")).status_code == 503
        arrivals = sample(
            app.state.metrics,
            "http_requests_received_total",
            route="/v1/items/{item_id}",
            method="GET",
        )
        assert arrivals == 5
        app.state.gate.set()
        await holding


async def test_the_last_slots_are_kept_for_high_priorities() -> None:
    app = small(max_in_flight=4, max_queued=0)
    async with running(app) as client:
        low = [asyncio.create_task(client.get("/v1/gate")) for _ in range(3)]
        await until(lambda: any(task.done() for task in low))
        assert sorted(task.done() for task in low) == [False, False, True]
        assert (await client.get("/v1/items/1")).status_code == 200
        app.state.gate.set()
        assert sorted([(await task).status_code for task in low]) == [200, 200, 503]


def test_a_quarter_of_the_slots_is_kept_for_high_priority_and_more_from_low() -> None:
    admission = AdmissionControl(
        Metrics("test"), limit=ConcurrencyLimit.fixed(100), max_queued=0, queue_timeout=5
    )
    taken = {}
    for priority in Priority:
        taken[priority] = 0
        while admission.try_acquire(priority):
            taken[priority] += 1
    assert taken == {Priority.LOW: 60, Priority.NORMAL: 15, Priority.HIGH: 25}


async def test_an_event_stream_holds_no_slot() -> None:
    app = small(max_in_flight=1, max_queued=0)
    async with running(app) as client:
        stream = asyncio.create_task(call(app, "GET", "/v1/events"))
        await until(lambda: sample(app.state.metrics, "http_requests_in_flight") == 1)
        assert (await client.get("/v1/items/1")).status_code == 200
        app.state.lifecycle.start_draining()
        assert (await asyncio.wait_for(stream, 5))[0]["status"] == 200


async def entered(admission: AdmissionControl, priority: Priority) -> asyncio.Task[None]:
    task = asyncio.create_task(admission.acquire(priority, timeout=5))
    await asyncio.sleep(0)
    return task


async def test_the_queue_serves_by_priority_and_then_by_age() -> None:
    admission = AdmissionControl(
        Metrics("test"), limit=ConcurrencyLimit.fixed(1), max_queued=10, queue_timeout=5
    )
    await admission.acquire(Priority.HIGH, timeout=5)
    order: list[str] = []

    async def wait(name: str, priority: Priority) -> None:
        await admission.acquire(priority, timeout=5)
        order.append(name)
        admission.release()

    waiting = []
    for name, priority in (
        ("low", Priority.LOW),
        ("normal 1", Priority.NORMAL),
        ("normal 2", Priority.NORMAL),
        ("high", Priority.HIGH),
    ):
        waiting.append(asyncio.create_task(wait(name, priority)))
        await asyncio.sleep(0)
    admission.release()
    await asyncio.gather(*waiting)
    assert order == ["high", "normal 1", "normal 2", "low"]


async def test_nobody_overtakes_a_request_that_waits() -> None:
    admission = AdmissionControl(
        Metrics("test"), limit=ConcurrencyLimit.fixed(4), max_queued=2, queue_timeout=5
    )
    for _ in range(2):
        assert admission.try_acquire(Priority.LOW)
    waiting = await entered(admission, Priority.LOW)  # the last slots are kept for others
    assert not admission.try_acquire(Priority.HIGH)
    admission.release()
    await waiting
    assert admission.try_acquire(Priority.HIGH)


async def test_a_full_queue_sheds_the_lowest_priority_first() -> None:
    metrics = Metrics("test")
    admission = AdmissionControl(
        metrics, limit=ConcurrencyLimit.fixed(1), max_queued=2, queue_timeout=5
    )
    await admission.acquire(Priority.NORMAL, timeout=5)
    low = await entered(admission, Priority.LOW)
    normal = await entered(admission, Priority.NORMAL)
    high = await entered(admission, Priority.HIGH)
    assert isinstance((await asyncio.gather(low, return_exceptions=True))[0], Overloaded)
    displaced = sample(metrics, "http_requests_shed_total", priority="low", reason="displaced")
    assert displaced == 1
    admission.release()
    await high
    admission.release()
    await normal


async def test_a_cancelled_waiter_leaves_no_trace() -> None:
    admission = AdmissionControl(
        Metrics("test"), limit=ConcurrencyLimit.fixed(1), max_queued=2, queue_timeout=5
    )
    await admission.acquire(Priority.NORMAL, timeout=5)
    gone = await entered(admission, Priority.NORMAL)
    patient = await entered(admission, Priority.NORMAL)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    admission.release()
    await patient
    admission.release()
    await admission.acquire(Priority.LOW, timeout=0.1)


async def test_a_slot_that_came_too_late_is_passed_on() -> None:
    admission = AdmissionControl(
        Metrics("test"), limit=ConcurrencyLimit.fixed(1), max_queued=2, queue_timeout=5
    )
    await admission.acquire(Priority.NORMAL, timeout=5)
    waiter = await entered(admission, Priority.NORMAL)
    admission.release()  # the slot is the waiter's now, who is cancelled before it runs
    waiter.cancel()
    await asyncio.gather(waiter, return_exceptions=True)
    await admission.acquire(Priority.NORMAL, timeout=0.1)


async def test_a_request_waits_no_longer_than_its_deadline() -> None:
    app = small(max_in_flight=1, queue_timeout=5)
    async with running(app) as client:
        holding = asyncio.create_task(client.get("/v1/gate"))
        await until(lambda: sample(app.state.metrics, "http_requests_in_flight") == 1)
        started = time.perf_counter()
        response: httpx2.Response = await client.get(
            "/v1/items/1", headers={"x-request-timeout-ms": "50"}
        )
        assert response.status_code == 503
        assert time.perf_counter() - started < 2
        app.state.gate.set()
        await holding


class OneSlot:
    """Admission control with one slot, and requests that take a tenth of a second."""

    def __init__(self) -> None:
        self.metrics = Metrics("test")
        self.admission = AdmissionControl(
            self.metrics, limit=ConcurrencyLimit.fixed(1), max_queued=100, queue_timeout=1
        )
        self.waiting: list[asyncio.Task[None]] = []
        self._route = RouteLatency()
        self._now = 0.0
        assert self.admission.try_acquire(Priority.LOW)

    async def enter(self, priority: Priority, number: int) -> int:
        """How many of so many requests are not shed at once."""
        tasks = [await entered(self.admission, priority) for _ in range(number)]
        waiting = [task for task in tasks if not task.done()]
        for task in tasks:
            assert task in waiting or isinstance(task.exception(), Overloaded)
        self.waiting += waiting
        return len(waiting)

    async def serve(self, number: int) -> None:
        """Have so many requests end; the next ones get their slot."""
        for _ in range(number):
            self._now += 0.1
            self.admission.observe(self._route, 0.1, now=self._now, succeeded=True, is_late=False)
            self.admission.release()
            await asyncio.sleep(0)

    async def end(self) -> None:
        for task in self.waiting:
            task.cancel()
        await asyncio.gather(*self.waiting, return_exceptions=True)

    async def overload(self) -> None:
        """Two windows in which requests always wait."""
        await self.enter(Priority.NORMAL, 24)
        await self.serve(20)


async def test_in_a_burst_all_may_wait() -> None:
    replica = OneSlot()
    await replica.enter(Priority.NORMAL, 10)
    await replica.serve(10)
    assert await replica.enter(Priority.NORMAL, 30) == 30
    await replica.end()


async def test_in_a_lasting_overload_as_many_wait_as_can_expect_a_slot() -> None:
    replica = OneSlot()
    await replica.overload()
    assert await replica.enter(Priority.NORMAL, 20) == 0
    labels = {"priority": "normal", "reason": "queue_full"}
    assert sample(replica.metrics, "http_requests_shed_total", **labels) == 20
    await replica.serve(4)
    # A quarter of a second is enough for two and a half.
    assert await replica.enter(Priority.NORMAL, 20) == 3
    await replica.end()


async def test_when_none_has_to_wait_the_overload_is_over() -> None:
    replica = OneSlot()
    await replica.overload()
    await replica.serve(5)
    for _ in range(20):
        assert replica.admission.try_acquire(Priority.LOW)
        await replica.serve(1)
    assert replica.admission.try_acquire(Priority.LOW)
    assert await replica.enter(Priority.LOW, 30) == 30
    await replica.end()


async def test_when_there_is_no_work_left_the_overload_is_over() -> None:
    replica = OneSlot()
    await replica.overload()
    await replica.serve(5)  # too few for a window
    assert replica.admission.try_acquire(Priority.LOW)
    assert await replica.enter(Priority.LOW, 30) == 30
    await replica.end()


async def test_a_request_that_gets_no_slot_because_of_higher_priorities_is_shed_at_once() -> None:
    replica = OneSlot()
    await replica.overload()
    for _ in range(5):  # a window in which nine of ten slots go to high priority
        await replica.enter(Priority.HIGH, 2)
        await replica.serve(2)
    await replica.serve(4)
    assert await replica.enter(Priority.LOW, 30) == 0
    assert await replica.enter(Priority.NORMAL, 30) == 1
    assert await replica.enter(Priority.HIGH, 30) == 3
    await replica.end()


async def test_the_limit_the_slots_and_the_queue_are_metrics() -> None:
    replica = OneSlot()
    await replica.enter(Priority.LOW, 2)
    for name, value in {
        "http_concurrency_limit": 1,
        "http_slots_in_use": 1,
        "http_requests_queued": 2,
    }.items():
        assert sample(replica.metrics, name) == value
    await replica.end()


async def test_responses_that_take_too_long_cost_slots() -> None:
    app = small()
    async with running(app) as client:
        for _ in range(2):
            await asyncio.gather(*(client.get("/v1/slow?seconds=0.5") for _ in range(32)))
        assert sample(app.state.metrics, "http_concurrency_limit") < 32


@pytest.mark.parametrize(("lag", "does_grow"), [(0.0, True), (0.3, False)])
def test_a_wait_for_an_upstream_costs_no_slots_but_the_lag_after_it_does(
    monkeypatch: pytest.MonkeyPatch, *, lag: float, does_grow: bool
) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    metrics, route = Metrics("test"), RouteLatency()
    admission = AdmissionControl(
        metrics,
        limit=ConcurrencyLimit(minimum=8, initial=32, maximum=256),
        max_queued=0,
        queue_timeout=1,
    )
    admission.observe_lag(lag)
    contexts = [RequestContext() for _ in range(32)]
    slots = [Slot(admission, route, context) for context in contexts]
    for context in contexts:
        assert admission.try_acquire(Priority.HIGH)
        context.upstream_wait.__enter__()
    now[0] += 0.4
    for context in contexts:
        context.upstream_wait.__exit__()
    for number, slot in enumerate(slots):
        now[0] += 0.3 if number == 9 else 0.0
        slot.release(succeeded=True)
    assert (sample(metrics, "http_concurrency_limit") > 32) is does_grow


async def test_an_open_event_stream_is_no_latency() -> None:
    app = small(max_in_flight=40)
    async with running(app) as client:
        streams = [asyncio.create_task(call(app, "GET", "/v1/events")) for _ in range(40)]
        await until(lambda: sample(app.state.metrics, "http_requests_in_flight") == 40)
        await until(lambda: sample(app.state.metrics, "http_slots_in_use") == 0)
        assert sample(app.state.metrics, "http_concurrency_limit") >= 32
        app.state.lifecycle.start_draining()
        await asyncio.gather(*streams)
        assert sample(app.state.metrics, "http_concurrency_limit") >= 32
        assert (await client.get("/v1/items/1")).status_code == 200
