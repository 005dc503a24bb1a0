"""A replica whose event loop is blocked gets no requests, is restarted, and a metric shows it."""

import re
import time
from collections.abc import Callable, Iterator

import httpx2
import pytest

from cartwheel.local.faults.client import open_fault_session
from cartwheel.local.faults.effects import BlockEventLoop
from cartwheel.local.state_folder import StateFolder
from tests.cartwheel.supervisor_process import SupervisorProcess, eventually, running

pytestmark = pytest.mark.xdist_group("event loops")

FOREVER = 300.0
SECONDS = 1.5
BUCKET = re.compile(r'^event_loop_lag_seconds_bucket\{.*le="1\.0".*\} (\S+)$', re.MULTILINE)
COUNT = re.compile(r"^event_loop_lag_seconds_count\S* (\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SupervisorProcess]:
    """Its liveness timeout is 4 s."""
    folder = tmp_path_factory.mktemp("shop")
    with running(folder / "state", output=folder / "output", CARTWHEEL_CHAOS="true") as run:
        yield run.ready()


@pytest.mark.fault(29)
def test_a_replica_whose_event_loop_is_blocked_is_restarted(
    shop: SupervisorProcess, figure: Callable[..., None]
) -> None:
    replica = shop.scale_cart(2)[0]
    name = replica["replica"]
    with open_fault_session(StateFolder.at(shop.state), "a test") as faults:
        began = time.monotonic()
        faults.inject(BlockEventLoop(name, FOREVER))
        eventually(lambda: name not in shop.endpoints())
        unready = time.monotonic() - began
        eventually(lambda: shop.cart(name)["restarts"] > replica["restarts"])
        restarted = time.monotonic() - began
        eventually(lambda: name in shop.endpoints())
    shop.wait_for_line(f"{name} .*answers nothing any more: killed")
    figure("not ready after {:.1f} s, restarted after {:.1f} s (limit 4 s)", unready, restarted)


@pytest.mark.fault(29)
def test_the_metric_of_the_lag_shows_that_the_event_loop_was_blocked(
    shop: SupervisorProcess, figure: Callable[..., None]
) -> None:
    replica = shop.scale_cart(2)[0]
    before = long_lags(replica["port"])
    with open_fault_session(StateFolder.at(shop.state), "a test") as faults:
        faults.inject(BlockEventLoop(replica["replica"], SECONDS))
        eventually(lambda: long_lags(replica["port"]) > before)
    figure("a block of {:.1f} s is an observation above 1 s", SECONDS)


def long_lags(port: int) -> float:
    """How many observations of the lag were above one second."""
    text = httpx2.get(f"http://127.0.0.1:{port}/metrics", timeout=30).text
    (within,), (count,) = BUCKET.findall(text), COUNT.findall(text)
    return float(count) - float(within)
