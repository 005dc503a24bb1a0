"""Calls to real little servers: what is returned, what is raised, what is retried."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import BaseModel, SecretStr

from app.client import (
    BreakerOpen,
    Headers,
    StreamedResponse,
    Upstream,
    UpstreamBroken,
    UpstreamError,
    UpstreamRefused,
    UpstreamResponse,
    UpstreamTimeout,
    raise_for_problem,
)
from app.errors import BadRequest
from app.telemetry.context import Deadline, RequestContext, use_context
from app.telemetry.metrics import Metrics
from tests.app.client.calling import (
    calling,
    calling_replicas,
    list_targets,
    no_pause,
    outcome,
    sample,
    upstream,
)
from tests.app.client.neighbours import (
    Behaviour,
    Exchange,
    hang,
    hang_up,
    neighbour,
    ok,
    responding,
    sending,
    unused_port,
)
from tests.app.clocks import Clock
from tests.support.network import FakeNetwork
from tests.support.waiting import until


async def received_before(error: type[UpstreamError], response: StreamedResponse) -> bytes:
    """What came of a body until the error that must end it."""
    received = bytearray()

    async def receive() -> None:
        async for chunk in response.chunks():
            received.extend(chunk)

    with pytest.raises(error):
        await receive()
    return bytes(received)


class TestResponses:
    async def test_a_good_response_is_returned_complete(self) -> None:
        behave = responding(200, b'{"sku": "A-1"}', "content-type: application/json\r\n")
        async with calling(behave) as (client, server):
            response = await client.request("GET", "/v1/products/A-1", params={"q": "a b"})

        assert response.status_code == 200
        assert response.json() == {"sku": "A-1"}
        assert response.headers["content-type"] == "application/json"
        assert server.asked[0].target == "/v1/products/A-1?q=a+b"

    @pytest.mark.parametrize("status", [400, 404, 409, 422, 500])
    async def test_an_error_response_is_returned_too(self, status: int) -> None:
        async with calling(responding(status, b"why")) as (client, _):
            response = await client.request("POST", "/")

        assert (response.status_code, response.content) == (status, b"why")

    async def test_json_is_sent_as_json(self) -> None:
        async with calling(ok) as (client, server):
            await client.request("POST", "/", json={"skus": ["A-1"]})

        assert server.asked[0].body == b'{"skus":["A-1"]}'
        assert server.asked[0].headers["content-type"] == "application/json"

    async def test_hop_by_hop_headers_are_passed_neither_way(self) -> None:
        behave = responding(200, b"", "keep-alive: timeout=5\r\nx-shop: yes\r\n")
        async with calling(behave) as (client, server):
            headers = {"Upgrade": "h2c", "TE": "gzip", "Host": "elsewhere", "X-Shop": "yes"}
            response = await client.request("GET", "/", headers=headers)

        assert response.headers.keys() == {"content-length", "x-shop"}
        sent = server.asked[0].headers
        assert (sent["host"], sent["x-shop"]) == (f"127.0.0.1:{server.port}", "yes")
        assert not {"upgrade", "te"} & sent.keys()

    async def test_headers_need_not_be_ascii(self) -> None:
        async with calling(ok) as (client, server):
            await client.request("GET", "/", headers={"accept-language": "fran\xe7ais"})

        assert server.asked[0].headers["accept-language"] == "fran\xe7ais"

    @pytest.mark.parametrize(
        ("path", "header"), [("/", "a\r\nx-forged: 1"), ("/", "a\0"), ("/a\nb", "a"), ("/\0", "a")]
    )
    async def test_what_is_not_valid_http_is_a_bad_request(self, path: str, header: str) -> None:
        async with calling(ok, clock=Clock()) as (client, server):
            for _ in range(30):
                with pytest.raises(BadRequest):
                    await client.request("GET", path, headers={"x-mine": header})

            assert client.available
        assert not server.asked

    async def test_headers_named_by_connection_are_passed_neither_way(self) -> None:
        behave = responding(200, b"", "connection: x-hop\r\nx-hop: 1\r\n")
        async with calling(behave) as (client, server):
            headers = {"Connection": "close, X-Mine", "X-Mine": "1"}
            response = await client.request("GET", "/", headers=headers)

        assert "x-hop" not in response.headers
        assert "x-mine" not in server.asked[0].headers

    async def test_a_response_to_head_needs_no_length(self) -> None:
        async with calling(sending(b"HTTP/1.1 200 OK\r\n\r\n")) as (client, _):
            assert await outcome(client, "HEAD") == "200"

    async def test_a_call_for_a_person_carries_their_token(self) -> None:
        async with calling(ok) as (client, server):
            headers = {"Authorization": "Bearer other"}
            await client.request("GET", "/", headers=headers, bearer="Abc")

        assert server.asked[0].headers["authorization"] == "bearer abc"  # as our fake lowers it
        assert "x-service-token" not in server.asked[0].headers

    async def test_a_call_for_the_service_carries_its_first_service_token(self) -> None:
        tokens = [SecretStr("new"), SecretStr("old")]
        async with calling(ok, service_tokens=tokens) as (client, server):
            await client.request("POST", "/", as_service=True)

        assert server.asked[0].headers["x-service-token"] == "new"

    async def test_a_path_cannot_name_another_host(self) -> None:
        async with calling(ok) as (client, _):
            with pytest.raises(ValueError, match="slash"):
                await client.request("GET", "@elsewhere/")

    async def test_connections_are_kept(self) -> None:
        async with calling(ok) as (client, server):
            for _ in range(5):
                await client.request("GET", "/")

        assert server.connections == 1

    async def test_reading_into_a_model_refuses_what_was_not_agreed(self) -> None:
        class Product(BaseModel):
            sku: str

        response = UpstreamResponse("products", 200, Headers(), b'{"sku": "A-1"}')
        assert response.read(Product).sku == "A-1"
        for content in (b'{"sku": 1}', b"{", b"", b"\xff"):
            with pytest.raises(UpstreamBroken):
                UpstreamResponse("products", 200, Headers(), content).read(Product)

    async def test_problems_can_be_raised(self) -> None:
        assert (
            raise_for_problem(UpstreamResponse("products", 204, Headers(), b"")).status_code == 204
        )
        with pytest.raises(UpstreamBroken):
            raise_for_problem(UpstreamResponse("products", 404, Headers(), b""))
        with pytest.raises(UpstreamRefused) as busy:
            raise_for_problem(UpstreamResponse("products", 503, Headers({"retry-after": "7"}), b""))
        assert busy.value.retry_after == 7


class TestContext:
    async def test_request_id_trace_and_remaining_time_are_passed_on(self) -> None:
        context = RequestContext(deadline=Deadline.after(1))
        async with calling(ok) as (client, server):
            with use_context(context):
                await client.request("GET", "/", headers={"x-request-id": "forged"})

        sent = server.asked[0].headers
        assert sent["x-request-id"] == context.request_id
        assert sent["traceparent"] == context.traceparent
        assert 900 <= int(sent["x-request-timeout-ms"]) <= 1000

    async def test_outside_of_requests_only_the_time_is_passed_on(self) -> None:
        async with calling(ok, timeout=2.0) as (client, server):
            await client.request("GET", "/")

        sent = server.asked[0].headers
        assert not {"x-request-id", "traceparent"} & sent.keys()
        assert 1900 <= int(sent["x-request-timeout-ms"]) <= 2000

    async def test_the_callers_deadline_shortens_a_call(self) -> None:
        async with calling(hang) as (client, _):
            with use_context(RequestContext(deadline=Deadline.after(0.1))):
                started = time.monotonic()
                assert await outcome(client) == "OutOfTime"

        assert time.monotonic() - started < 1

    async def test_with_less_than_20_ms_left_nothing_is_sent(self) -> None:
        async with calling(ok) as (client, server):
            with use_context(RequestContext(deadline=Deadline.after(0.015))):
                assert await outcome(client) == "OutOfTime"

        assert not server.asked


class TestTimeouts:
    async def test_a_silent_upstream_costs_the_timeout_and_no_more(self) -> None:
        async with calling(hang, timeout=0.1) as (client, _):
            started = time.monotonic()
            assert await outcome(client) == "UpstreamTimeout"

        assert 0.1 <= time.monotonic() - started < 1

    @pytest.mark.fault(21)
    async def test_the_deadline_is_for_the_whole_response_not_for_each_byte(self) -> None:
        async def drip(exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
            while True:
                await exchange.send(b".")
                await asyncio.sleep(0.02)

        async with calling(drip, timeout=0.2) as (client, _):
            started = time.monotonic()
            assert await outcome(client) == "UpstreamTimeout"

        assert time.monotonic() - started < 1

    async def test_the_deadline_is_for_slow_headers_too(self) -> None:
        async def drip(exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 200 OK\r\n")
            while True:
                await exchange.send(b"x: y\r\n")
                await asyncio.sleep(0.02)

        async with calling(drip, timeout=0.2) as (client, _):
            assert await outcome(client) == "UpstreamTimeout"

    async def test_a_hung_replica_leaves_time_for_a_retry(self, tmp_path: Path) -> None:
        async with calling_replicas(tmp_path, hang, ok, timeout=1.0) as (client, _):
            outcomes = [await outcome(client) for _ in range(4)]

        assert outcomes == ["200"] * 4

    async def test_a_blocked_event_loop_is_not_taken_for_a_refusal(self) -> None:
        metrics = Metrics("cart")
        async with calling(ok, metrics=metrics) as (client, _):
            call = asyncio.create_task(outcome(client))
            await asyncio.sleep(0)
            time.sleep(0.5)  # nobody on this loop gets a turn: a starved process

            assert await call == "200"
        assert sample(metrics, "http_client_retries_total") == 0

    async def test_a_call_waits_for_a_full_pool_only_briefly(self, monkeypatch: Any) -> None:
        monkeypatch.setattr("app.client.transport.LIMITS.max_connections", 1)
        async with calling(hang, timeout=0.6) as (client, _):
            first = asyncio.create_task(outcome(client))
            await asyncio.sleep(0)
            second = await outcome(client, "POST")

            assert second == "LocalLimit"
            assert await first == "UpstreamTimeout"


CUT_OFF = {
    "by length": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345",
    "in a chunk": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\na\r\n12345",
    "between chunks": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n12345\r\n",
    "without saying where it ends": b"HTTP/1.1 200 OK\r\n\r\n12345",
}
NOT_HTTP = {
    "not HTTP": b"SSH-2.0-OpenSSH\r\n\r\n",
    "nonsense length": b"HTTP/1.1 200 OK\r\ncontent-length: -5\r\n\r\n12345",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n12345",
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 200_000,
}


class TestBrokenResponses:
    @pytest.mark.fault(20)
    @pytest.mark.parametrize("content", CUT_OFF.values(), ids=CUT_OFF.keys())
    @pytest.mark.parametrize("end", [Exchange.hang_up, Exchange.reset])
    async def test_a_cut_response_is_never_taken_for_a_complete_one(
        self, content: bytes, end: Any
    ) -> None:
        async with calling(sending(content, then=end), timeout=1.0) as (client, _):
            assert await outcome(client, "POST") == "UpstreamBroken"

    @pytest.mark.parametrize("content", NOT_HTTP.values(), ids=NOT_HTTP.keys())
    async def test_what_is_not_http_is_refused(self, content: bytes) -> None:
        async with calling(sending(content), timeout=1.0) as (client, _):
            assert await outcome(client, "POST") == "UpstreamBroken"

    async def test_a_response_has_a_size_limit(self) -> None:
        behave = responding(200, b"x" * (4 * 1024 * 1024 + 1))
        async with calling(behave) as (client, _):
            assert await outcome(client, "POST") == "UpstreamBroken"

    async def test_a_cut_response_to_a_get_is_retried(self) -> None:
        async def cut_first(exchange: Exchange) -> None:
            if len(server.asked) == 1:
                await exchange.send(CUT_OFF["by length"])
                exchange.hang_up()
            else:
                await exchange.respond()

        async with calling(cut_first) as (client, server):
            assert await outcome(client) == "200"


class TestRetries:
    @pytest.mark.parametrize(
        ("method", "options", "times"),
        [
            ("GET", {}, 2),
            ("PUT", {}, 2),
            ("DELETE", {}, 2),
            ("POST", {}, 1),
            ("PATCH", {}, 1),
            ("POST", {"idempotent": True}, 2),
            ("POST", {"headers": {"Idempotency-Key": "k"}}, 2),
            ("GET", {"idempotent": False}, 1),
        ],
    )
    async def test_only_idempotent_calls_are_retried(
        self, method: str, options: dict[str, Any], times: int
    ) -> None:
        async with calling(responding(500)) as (client, server):
            await client.request(method, "/", **options)

        assert len(server.asked) == times

    @pytest.mark.parametrize("status", [400, 404, 409, 429])
    async def test_client_errors_are_not_retried(self, status: int) -> None:
        async with calling(responding(status)) as (client, server):
            await client.request("GET", "/")

        assert len(server.asked) == 1

    async def test_a_response_with_retry_after_is_not_retried(self) -> None:
        async with calling(responding(503, b"", "retry-after: 1\r\n")) as (client, server):
            assert await outcome(client) == "503"

        assert len(server.asked) == 1

    async def test_a_retry_may_succeed(self, tmp_path: Path) -> None:
        async with calling_replicas(tmp_path, responding(500), ok) as (client, _):
            assert [await outcome(client) for _ in range(10)] == ["200"] * 10

    async def test_the_backoff_is_25_to_250_ms(self) -> None:
        pauses: list[float] = []

        async def pause(seconds: float) -> None:
            pauses.append(seconds)

        async with calling(responding(500), pause=pause) as (client, _):
            for _ in range(5):
                await client.request("GET", "/")

        assert len(pauses) == 5
        assert all(0.025 <= seconds <= 0.25 for seconds in pauses)

    @pytest.mark.fault(16, 18)
    async def test_an_upstream_that_often_fails_gets_few_retries(self) -> None:
        metrics, clock = Metrics("cart"), Clock()

        async def often(exchange: Exchange) -> None:
            await exchange.respond(200 if len(server.asked) % 5 > 1 else 500)

        options = {"metrics": metrics, "clock": clock, "pause": no_pause}
        async with calling(often, **options) as (client, server):
            for _ in range(600):
                await outcome(client)

        assert len(server.asked) <= 600 * 1.1 + 30
        assert sample(metrics, "http_client_retries_total") == len(server.asked) - 600
        assert sample(metrics, "http_client_retries_over_budget_total") > 0

    async def test_an_absent_replica_is_replaced_for_any_call(self, tmp_path: Path) -> None:
        async with neighbour(ok) as server:
            file = list_targets(tmp_path, await unused_port(), server.port)
            async with upstream(f"file:{file}") as client:
                outcomes = [await outcome(client, "POST") for _ in range(20)]

        assert outcomes == ["200"] * 20

    async def test_an_address_of_many_replicas_is_tried_again_after_a_refusal(
        self,
    ) -> None:
        tries: list[str] = []

        def absent_at_first(request: httpx2.Request) -> httpx2.Response:
            tries.append(request.method)
            if len(tries) == 1:
                raise httpx2.ConnectTimeout("the replica is just going", request=request)
            return httpx2.Response(200)

        transport = FakeNetwork(absent_at_first)
        async with upstream("http://cart:8000", transport=transport) as client:
            assert await outcome(client, "POST") == "200"
        assert tries == ["POST", "POST"]

    @pytest.mark.fault(19)
    async def test_a_stale_connection_is_retried_at_once(self) -> None:
        async def hang_up_on_kept_connections(exchange: Exchange) -> None:
            if exchange.number:
                exchange.hang_up()
            else:
                await exchange.respond()

        async def fail(seconds: float) -> None:
            assert seconds == 0

        async with calling(hang_up_on_kept_connections, pause=fail) as (client, server):
            outcomes = [await outcome(client) for _ in range(10)]

        assert outcomes == ["200"] * 10
        assert server.connections == 10

    @pytest.mark.fault(19)
    async def test_a_stale_connection_is_not_retried_if_the_call_may_have_had_an_effect(
        self,
    ) -> None:
        async def hang_up_on_kept_connections(exchange: Exchange) -> None:
            if exchange.number:
                exchange.hang_up()
            else:
                await exchange.respond()

        async with calling(hang_up_on_kept_connections) as (client, _):
            outcomes = [await outcome(client, "POST") for _ in range(2)]

        assert outcomes == ["200", "UpstreamBroken"]

    async def test_retries_end(self) -> None:
        async with calling(hang_up) as (client, server):
            assert await outcome(client) == "UpstreamBroken"

        assert len(server.asked) == 2


class TestReplicas:
    async def test_requests_spread_over_all_replicas(self, tmp_path: Path) -> None:
        async with calling_replicas(tmp_path, ok, ok, ok) as (client, servers):
            for _ in range(90):
                await client.request("GET", "/")

        assert all(len(server.asked) > 10 for server in servers)

    async def test_a_new_replica_gets_requests_at_once(self, tmp_path: Path) -> None:
        async with neighbour(ok) as first, neighbour(ok) as second:
            file = list_targets(tmp_path, first.port)
            clock = Clock()
            async with upstream(f"file:{file}", clock=clock) as client:
                await client.request("GET", "/")
                list_targets(tmp_path, first.port, second.port)
                async with asyncio.timeout(5):
                    while not second.asked:
                        await client.request("GET", "/")

    async def test_busy_replicas_get_fewer_requests(self, tmp_path: Path) -> None:
        async def slow(exchange: Exchange) -> None:
            await asyncio.sleep(0.05)
            await exchange.respond()

        async with calling_replicas(tmp_path, slow, ok, timeout=5.0) as (client, servers):

            async def shopper() -> None:
                for _ in range(20):
                    await client.request("GET", "/")

            await asyncio.gather(*(shopper() for _ in range(4)))

        assert len(servers[0].asked) * 2 < len(servers[1].asked)

    async def test_a_failing_replica_is_ejected(self, tmp_path: Path) -> None:
        clock = Clock()
        async with calling_replicas(
            tmp_path, responding(500), ok, ok, clock=clock, pause=no_pause
        ) as (client, servers):
            for _ in range(100):
                await client.request("POST", "/")

        assert len(servers[0].asked) == 3

    async def test_a_shedding_replica_is_not_ejected(self, tmp_path: Path) -> None:
        shed = responding(503, b"", "retry-after: 1\r\n")
        async with calling_replicas(tmp_path, shed, ok, clock=Clock()) as (client, servers):
            for _ in range(60):
                await client.request("GET", "/")

        assert len(servers[0].asked) > 10

    async def test_a_replica_that_dies_costs_no_idempotent_call(self, tmp_path: Path) -> None:
        outcomes: set[str] = set()
        death = asyncio.Event()

        async def shopper(client: Upstream) -> None:
            for _ in range(40):
                outcomes.add(await outcome(client))

        async def die_after_twenty(exchange: Exchange) -> None:
            await exchange.respond()
            if len(doomed.asked) == 20:
                death.set()

        async with AsyncExitStack() as life, neighbour(ok) as server:
            doomed = await life.enter_async_context(neighbour(die_after_twenty))
            file = list_targets(tmp_path, doomed.port, server.port)
            async with upstream(f"file:{file}") as client:
                shoppers = asyncio.gather(*(shopper(client) for _ in range(8)))
                await asyncio.wait_for(death.wait(), 5)
                await life.aclose()
                await shoppers

        assert outcomes == {"200"}

    async def test_without_a_known_replica_a_call_fails_at_once(self, tmp_path: Path) -> None:
        file = list_targets(tmp_path)
        async with upstream(f"file:{file}") as client:
            assert not client.available
            assert await outcome(client) == "UpstreamRefused"


class TestBreaker:
    @pytest.mark.fault(17)
    async def test_an_upstream_that_only_fails_opens_the_breaker(self) -> None:
        metrics, clock = Metrics("cart"), Clock()
        options = {"metrics": metrics, "clock": clock, "pause": no_pause}
        async with calling(responding(500), **options) as (client, server):
            outcomes = [await outcome(client) for _ in range(100)]

            assert outcomes[-1] == "BreakerOpen"
            assert len(server.asked) == 20
            assert not client.available
            assert sample(metrics, "http_client_breaker_open") == 1

    @pytest.mark.fault(17)
    async def test_an_open_breaker_says_when_to_retry(self) -> None:
        async with calling(responding(500), clock=Clock(), pause=no_pause) as (client, _):
            for _ in range(20):
                await outcome(client, "POST")
            with pytest.raises(BreakerOpen) as refused:
                await client.request("GET", "/")

        assert 4 <= refused.value.retry_after <= 6
        assert refused.value.status == 503

    async def test_the_breaker_closes_when_the_upstream_is_healthy_again(self) -> None:
        well = False

        async def recovering(exchange: Exchange) -> None:
            await exchange.respond(200 if well else 500)

        clock = Clock()
        async with calling(recovering, clock=clock, pause=no_pause) as (client, _):
            for _ in range(20):
                await outcome(client, "POST")
            well = True
            clock.advance(6)

            assert [await outcome(client) for _ in range(30)] == ["200"] * 30
            assert client.available

    @pytest.mark.parametrize("status", [404, 409, 429])
    async def test_client_errors_do_not_open_the_breaker(self, status: int) -> None:
        async with calling(responding(status), clock=Clock()) as (client, _):
            for _ in range(50):
                await client.request("GET", "/")

            assert client.available

    async def test_cancelled_calls_do_not_open_the_breaker(self) -> None:
        async with calling(hang, clock=Clock()) as (client, _):
            calls = [asyncio.create_task(outcome(client)) for _ in range(50)]
            await asyncio.sleep(0.05)
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)

            assert client.available


class TestStreams:
    async def test_a_body_is_passed_on_as_it_arrives(self) -> None:
        go_on = asyncio.Event()

        async def events(exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            await exchange.send(b"3\r\none\r\n")
            await go_on.wait()
            await exchange.send(b"3\r\ntwo\r\n0\r\n\r\n")

        async with calling(events) as (client, _), client.stream("GET", "/") as response:
            chunks = response.chunks()
            assert (response.status_code, await anext(chunks)) == (200, b"one")
            go_on.set()
            assert [chunk async for chunk in chunks] == [b"two"]

    @pytest.mark.parametrize("name", ["by length", "in a chunk", "between chunks"])
    async def test_a_cut_body_ends_with_an_error(self, name: str) -> None:
        behave = sending(CUT_OFF[name], then=Exchange.hang_up)
        async with calling(behave) as (client, _), client.stream("GET", "/") as response:
            received = await received_before(UpstreamBroken, response)

        assert received == b"12345"

    async def test_a_body_has_the_deadline_of_the_call(self) -> None:
        async def drip(exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
            while True:
                await exchange.send(b".")
                await asyncio.sleep(0.02)

        async with (
            calling(drip, timeout=0.2) as (client, _),
            client.stream("GET", "/") as response,
        ):
            await received_before(UpstreamTimeout, response)

    async def test_events_may_outlast_the_timeout_but_not_the_idle_timeout(self) -> None:
        async def events(exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for _ in range(10):
                await exchange.send(b"1\r\n.\r\n")
                await asyncio.sleep(0.03)
            await asyncio.sleep(3600)

        async with (
            calling(events, timeout=0.2) as (client, server),
            client.stream("GET", "/", idle_timeout=0.2) as response,
        ):
            received = await received_before(UpstreamTimeout, response)

        assert received == b"." * 10
        assert "x-request-timeout-ms" not in server.asked[0].headers

    async def test_leaving_early_closes_the_connection(self) -> None:
        gone = asyncio.Event()

        async def events(exchange: Exchange) -> None:
            await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            try:
                while True:
                    await exchange.send(b"1\r\n.\r\n")
                    await asyncio.sleep(0.01)
            finally:
                gone.set()

        async with calling(events) as (client, _):
            async with client.stream("GET", "/", idle_timeout=1.0) as response:
                await anext(response.chunks())
            await asyncio.wait_for(gone.wait(), 5)

    async def test_an_open_stream_counts_as_load(self, tmp_path: Path) -> None:
        async def open_or_respond(exchange: Exchange) -> None:
            if exchange.target == "/events":
                await exchange.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                await asyncio.sleep(3600)
            await exchange.respond()

        async with (
            calling_replicas(tmp_path, open_or_respond, open_or_respond) as (client, servers),
            AsyncExitStack() as stack,
        ):
            events = await stack.enter_async_context(
                client.stream("GET", "/events", idle_timeout=1.0)
            )
            assert events.status_code == 200
            for _ in range(20):
                await client.request("GET", "/")

        assert sorted(len(server.asked) for server in servers) == [1, 20]

    async def test_an_absent_replica_is_replaced(self, tmp_path: Path) -> None:
        async with neighbour(ok) as server:
            file = list_targets(tmp_path, await unused_port(), server.port)
            async with upstream(f"file:{file}") as client:
                for _ in range(10):
                    async with client.stream("POST", "/") as response:
                        assert b"".join([part async for part in response.chunks()]) == b"ok"


class TestMetrics:
    @pytest.mark.parametrize(
        ("behave", "label"),
        [
            (ok, "ok"),
            (responding(404), "client_error"),
            (responding(500), "server_error"),
            (responding(429), "shed"),
            (hang, "timeout"),
            (hang_up, "broken"),
        ],
    )
    async def test_each_try_is_observed_with_its_outcome(
        self, behave: Behaviour, label: str
    ) -> None:
        metrics = Metrics("cart")
        async with calling(behave, metrics=metrics, timeout=0.1) as (client, _):
            await outcome(client, "POST")

        name = "http_client_request_duration_seconds_count"
        assert sample(metrics, name, outcome=label) == 1

    async def test_several_upstreams_share_the_metrics(self) -> None:
        metrics = Metrics("cart")
        Upstream("products", "http://products", metrics=metrics)
        Upstream("user", "http://user", metrics=metrics)

        assert sample(metrics, "http_client_retries_total") == 0


async def test_the_time_of_a_call_is_no_time_of_the_request_itself() -> None:
    release = asyncio.Event()

    async def late(exchange: Exchange) -> None:
        await release.wait()
        await ok(exchange)

    async with calling(late) as (client, server):
        with use_context(RequestContext()) as context:
            called = asyncio.create_task(client.request("GET", "/"))
            await until(lambda: bool(server.asked))
            began = time.monotonic()
            release.set()
            await called
            ended = time.monotonic()
    assert context.seconds_waited(ended) >= ended - began - 0.001
    assert context.seconds_waited(ended) == context.seconds_waited(ended + 60)
