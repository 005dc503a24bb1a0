"""The whole shop under its real supervisor."""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from app.stores.database import Database
from app.stores.statements import Statement
from app.telemetry.metrics import Metrics
from cartwheel.books import running_stores
from cartwheel.local.control_socket import send_command
from cartwheel.local.state_folder import StateFolder
from tests.cartwheel.supervisor_process import SupervisorProcess, running
from tests.support.http_load import HttpRequest
from tests.support.shop import ADDRESS, SERVICES, STAFF, Person, Shop

READY_WITHIN = 90.0
"""Seconds; long, for a busy machine."""
CHANGE_WITHIN = 90.0
UP = ("-m", "cartwheel", "up")
ENVIRONMENT = {
    "CARTWHEEL_STAFF_EMAIL": STAFF["email"],
    "CARTWHEEL_STAFF_PASSWORD": STAFF["password"],
    # All requests come from one address.
    "CARTWHEEL_REGISTRATIONS_PER_ADDRESS": "60000",
    "CARTWHEEL_GUESTS_PER_ADDRESS": "60000",
    "CARTWHEEL_FAILED_PASSWORDS_PER_ADDRESS": "60000",
}
MAX_REGISTRATIONS = 4
"""In parallel; the service hashes passwords in two threads."""


class RunningShop(Shop):
    """A shop run by `cartwheel up`; its URLs are those of ``cartwheel status --json``."""

    def __init__(self, run: SupervisorProcess) -> None:
        super().__init__({})
        self.run = run
        status = run.command("status", "--json")
        assert status.returncode == 0, status.stderr
        self._urls: dict[str, str] = {
            one["service"]: one["url"] for one in json.loads(status.stdout)["services"]
        }
        assert set(self._urls) == set(SERVICES)

    def url(self, service: str) -> str:
        return self._urls[service]

    def own_urls(self, service: str) -> list[str]:
        """One URL for each ready replica, from the endpoints file."""
        groups = json.loads((self.run.state / "endpoints" / f"{service}.json").read_text())
        return [f"http://{target}" for group in groups for target in group["targets"]]

    async def scale(self, service: str, count: int) -> None:
        """Scale a service; returns when new replicas are ready and surplus ones have stopped."""
        request = {"command": "scale", "service": service, "count": count}
        answer = await asyncio.to_thread(self._control, request)
        assert answer["ready"], self.run.output

    async def rolling_restart(self, service: str) -> None:
        await asyncio.to_thread(self._control, {"command": "restart", "service": service})

    def _control(self, request: dict[str, Any]) -> dict[str, Any]:
        return send_command(self.run.state / "control.sock", request, timeout=CHANGE_WITHIN)

    def people(self, count: int) -> list[Person]:
        """New users, logged in."""
        with ThreadPoolExecutor(MAX_REGISTRATIONS) as executor:
            return list(executor.map(lambda _: self.person(), range(count)))

    def price(self, sku: str) -> dict[str, Any]:
        price: dict[str, Any] = self._product(sku)["price"]
        return price

    def stock(self, sku: str) -> int:
        available: int = self._product(sku)["available"]
        return available

    def set_stock(self, sku: str, available: int) -> None:
        answer = self.request(
            "products",
            "PUT",
            f"/v1/products/{sku}/stock",
            headers=self.staff,
            json={"available": available},
        )
        assert answer.status_code == 200, answer.text

    def put_in_cart(self, person: Person, sku: str, quantity: int = 1) -> None:
        line = {"sku": sku, "quantity": quantity}
        answer = self.request("cart", "POST", "/v1/cart/items", headers=person.headers, json=line)
        assert answer.status_code == 200, answer.text

    def orders_of(self, person: Person) -> list[dict[str, Any]]:
        answer = self.request("tracking", "GET", "/v1/orders", headers=person.headers)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def _product(self, sku: str) -> dict[str, Any]:
        answer = self.request("products", "GET", f"/v1/products/{sku}")
        assert answer.status_code == 200, answer.text
        product: dict[str, Any] = answer.json()
        return product

    @property
    def stores(self) -> Mapping[str, str]:
        """The URLs of its stores by service."""
        return running_stores(StateFolder.at(self.run.state))

    def environment_of(self, service: str) -> dict[str, str]:
        """The settings that the processes of a service got from the supervisor.

        A forked process shows those of its parent: needs a shop with `ORDINARY_START`.
        """
        pid = self.run.replicas(service)[0]["pid"]
        whole: dict[str, str] = psutil.Process(pid).environ()
        return {name: value for name, value in whole.items() if name.startswith("CARTWHEEL_")}

    async def query(self, service: str, sql: str) -> Sequence[Sequence[Any]]:
        """Query the store of a service directly."""
        async with (
            Database(self.stores[service], metrics=Metrics("tests")) as database,
            database.reading("look") as connection,
        ):
            return [tuple(row) for row in await connection.rows(Statement(sql))]

    def all_output(self) -> str:
        """The output of the supervisor, and the last lines of every log."""
        logs = sorted((self.run.state / "logs").glob("*/*.log"))
        tails = [f"--- {log.name}\n{''.join(_last_lines(log))}" for log in logs]
        return "\n".join([self.run.output, *tails])


def checkout(person: Person, total: dict[str, Any], *, key: str) -> HttpRequest:
    """A request that orders the cart for that total, with a long deadline."""
    headers = {**person.headers, "idempotency-key": key, "x-request-timeout-ms": "14000"}
    return HttpRequest("POST", "/v1/orders", headers, {"expected_total": total, "address": ADDRESS})


ORDINARY_START = {"CARTWHEEL_WARM_START": "false"}


@contextmanager
def shop_up(*, stores: str = "sqlite", **env: str) -> Iterator[RunningShop]:
    """Run `cartwheel up` with a state folder and ports of its own, during the block."""
    # Not pytest's folder: under root, the user that runs Postgres has no access to it.
    with tempfile.TemporaryDirectory(prefix="cartwheel-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        env = {**ENVIRONMENT, "CARTWHEEL_STORES": stores, **env}
        with running(folder / "state", UP, output=folder / "output", **env) as run:
            _wait_ready(run)
            shop = RunningShop(run)
            try:
                yield shop
            finally:
                shop.close()


def _wait_ready(run: SupervisorProcess) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while "\nReady after" not in run.output:
        assert run.process.poll() is None, f"it ended and printed:\n{run.output}"
        assert time.monotonic() < deadline, f"not ready in {READY_WITHIN} s:\n{run.output}"
        time.sleep(0.05)


def _last_lines(log: Path, count: int = 15) -> list[str]:
    with log.open(errors="replace") as file:
        return file.readlines()[-count:]
