"""Every query finds data, in a real Prometheus that scrapes the real shop."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest
import yaml

from app.stores.migrations import migrate
from loadtest.arrivals import Stage
from loadtest.generator import Generator
from tests.monitoring.prometheus import HOW_TO_GET_IT, Prometheus, installed, prometheus_up
from tests.monitoring.queries import ROOT, RULES, Query, everything, triggers
from tests.support.processes import start_service
from tests.support.shop import SERVICE_TOKEN
from tests.support.waiting import until
from tests.system.shop import RunningShop, shop_up

LOCAL = ROOT / "monitoring" / "prometheus" / "local.yaml"
DATA_WITHIN = 60.0
LOAD = {"browse": 4.0, "cart-add": 8.0, "checkout": 4.0}
CPU = "process_cpu_seconds_total"
MAX_LOAD = 150.0


@pytest.mark.skipif(not installed(), reason=HOW_TO_GET_IT)
def test_every_query_of_dashboards_rules_and_triggers_finds_data(tmp_path: Path) -> None:
    with (
        shop_up(CARTWHEEL_COURIER_STEP_SECONDS="1") as shop,
        _recorded_cluster() as cluster,
        prometheus_up(_config(shop, cluster, tmp_path), data=tmp_path / "data") as prometheus,
        _some_load(shop.url("storefront")),
    ):
        empty = _still_empty(everything(), prometheus)
    assert not empty, "no data within a minute:\n" + "\n".join(
        f"  {query.place}\n    {query.expression}" for query in empty
    )


@pytest.mark.skipif(not installed(), reason=HOW_TO_GET_IT)
async def test_before_the_first_request_the_trigger_of_the_cart_is_0(tmp_path: Path) -> None:
    """Without traffic the query is 0; without replicas it is empty, which is an error for KEDA."""
    (query,) = triggers()
    settings = {
        "CARTWHEEL_STORE_URL": f"sqlite:///{tmp_path}/cart.sqlite3",
        "CARTWHEEL_SERVICE_TOKENS": SERVICE_TOKEN,
    }
    await migrate("services.cart", settings["CARTWHEEL_STORE_URL"])
    async with start_service("cart", settings, folder=tmp_path) as cart:
        config = _config_for(cart.url.removeprefix("http://"), tmp_path)
        with prometheus_up(config, data=tmp_path / "data") as prometheus:
            await until(partial(_holds, "up == 1", prometheus), within=DATA_WITHIN)
            # After the first scrape, when there is no rate yet, and later.
            assert _numbers(query, prometheus) == [0.0]
            await until(partial(_holds, f"rate({CPU}[4s])", prometheus), within=DATA_WITHIN)
            assert _numbers(query, prometheus) == [0.0]
            cart.end()
            # Without a scraped replica the result is empty, not 0.
            await until(lambda: not _numbers(query, prometheus), within=DATA_WITHIN)


def _config_for(target: str, folder: Path) -> Path:
    """A configuration with the project's scrape interval, for one replica."""
    config: dict[str, Any] = yaml.safe_load(LOCAL.read_text())
    del config["rule_files"]
    config["scrape_configs"] = [{"job_name": "shop", "static_configs": [{"targets": [target]}]}]
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


def _holds(expression: str, prometheus: Prometheus) -> bool:
    return bool(prometheus.query(expression))


def _numbers(query: Query, prometheus: Prometheus) -> list[float]:
    return [float(one["value"][1]) for one in prometheus.query(query.substituted)]


def _still_empty(queries: list[Query], prometheus: Prometheus) -> list[Query]:
    """Repeat all queries until each has data; returns those without data at the end."""
    deadline = time.monotonic() + DATA_WITHIN
    waiting = queries
    while waiting and time.monotonic() < deadline:
        waiting = [query for query in waiting if not _answered(query, prometheus)]
        time.sleep(0.5 if waiting else 0)
    return waiting


def _answered(query: Query, prometheus: Prometheus) -> bool:
    """Whether it found a number. A quiet query only has to be valid."""
    samples = prometheus.query(query.substituted)
    return query.quiet or any(math.isfinite(float(one["value"][1])) for one in samples)


def _config(shop: RunningShop, cluster: str, folder: Path) -> Path:
    """The project's configuration for a local run, with the targets of this test."""
    config: dict[str, Any] = yaml.safe_load(LOCAL.read_text())
    config["rule_files"] = [str(RULES / "*.yaml")]
    config["global"] |= {"evaluation_interval": "2s"}
    (scrape,) = config["scrape_configs"]
    scrape["file_sd_configs"] = [{"files": [str(shop.run.state / "endpoints" / "*.json")]}]
    recorded = {"job_name": "kube-state-metrics", "honor_labels": True}
    config["scrape_configs"].append(recorded | {"static_configs": [{"targets": [cluster]}]})
    path = folder / "prometheus.yaml"
    path.write_text(yaml.safe_dump(config))
    return path


class _Recorded(SimpleHTTPRequestHandler):
    """Serves metrics that were recorded from a cluster's kube-state-metrics."""

    def do_GET(self) -> None:
        body = (Path(__file__).parent / "kube-state-metrics.txt").read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


@contextmanager
def _recorded_cluster() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Recorded) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def _some_load(target: str) -> Iterator[None]:
    """A small load of every scenario, during the block."""
    enough = threading.Event()
    thread = threading.Thread(target=partial(anyio.run, _shop_around, target, enough))
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()


async def _shop_around(target: str, enough: threading.Event) -> None:
    async with anyio.create_task_group() as group:
        for scenario, rate in LOAD.items():
            generator = Generator(target, scenario=scenario, shoppers=4)
            stages = [Stage.constant(rate, seconds=MAX_LOAD)]
            group.start_soon(generator.run, stages)
        await anyio.to_thread.run_sync(enough.wait, MAX_LOAD)
        group.cancel_scope.cancel()
