"""A whole shop, with real stores unless said otherwise, run by the `cartwheel up` of a checkout."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from cartwheel.bench.cores import pin
from cartwheel.bench.options import Options
from cartwheel.bench.rounds import Progress
from cartwheel.bench.shop_client import PASSWORD, STAFF_EMAIL, HttpError, ShopClient
from cartwheel.bench.workbench import Checkout, Server, Workbench, plain_environment
from cartwheel.errors import CommandError
from cartwheel.local.control_socket import send_command
from cartwheel.local.sockets import OWN_HOST
from cartwheel.local.state_folder import StateFolder

START_TIMEOUT = 180.0
CHANGE_TIMEOUT = 120.0
POLL_INTERVAL = 0.2
SERVICES = ("storefront", "products", "cart", "user", "tracking")
NO_LIMIT = "60000"


@dataclass(frozen=True)
class Shop:
    """A running shop, named as its row in the tables."""

    name: str
    checkout: Checkout
    state: StateFolder
    supervisor: Server
    workbench: Workbench

    async def status(self) -> Mapping[str, Any]:
        return await asyncio.to_thread(
            send_command, self.state.control_socket, {"command": "status"}, timeout=30.0
        )

    async def scale(self, service: str, count: int) -> float:
        """Have so many replicas; the seconds until they were ready."""
        request = {"command": "scale", "service": service, "count": count}
        response = await asyncio.to_thread(
            send_command, self.state.control_socket, request, timeout=CHANGE_TIMEOUT
        )
        if not response["ready"]:
            raise CommandError(f"{self.name}: {count} replicas of {service} do not get ready.")
        return float(response["seconds"])

    async def server(self, service: str, *, whole_shop: bool = False) -> Server:
        """A service as a server; with ``whole_shop`` the CPU of all services counts."""
        services = _by_name(await self.status())
        counted = SERVICES if whole_shop else (service,)
        pids = [pid for name in counted for pid in _pids(services[name])]
        for pid in pids:
            pin(pid, self.workbench.cores.server)
        port = int(services[service]["url"].rpartition(":")[2])
        return Server(self.name, port, self.supervisor.process, self.supervisor.output, pids)

    async def client(self) -> ShopClient:
        services = _by_name(await self.status())
        token = self.state.secret("cartwheel_service_tokens")
        return ShopClient({name: services[name]["url"] for name in SERVICES}, token)

    async def postgres_url(self, database: str) -> str:
        return f"postgresql://postgres:{await self._login('postgres')}/{database}"

    async def valkey_url(self) -> str:
        return f"valkey://:{await self._login('valkey')}"

    async def _login(self, store: str) -> str:
        """Password and address of a store process."""
        servers = (await self.status())["servers"]
        port = next(one["port"] for one in servers if one["replica"] == store)
        return f"{self.state.secret(f'{store}_password')}@{OWN_HOST}:{port}"


@asynccontextmanager
async def running_shops(
    workbench: Workbench, options: Options, progress: Progress, **settings: str
) -> AsyncIterator[Sequence[Shop]]:
    """The shop of each checkout, one replica for each service; stopped at the end of the block.

    ``settings`` are variables of its environment.
    """
    shops: list[Shop] = []
    try:
        for name in options.choose([name for name, _ in options.checkouts]):
            progress("start", f"the shop of {name}")
            shop = await _start(workbench, name, dict(options.checkouts)[name], settings)
            shops.append(shop)
            await _wait_until_open(shop)
            await shop.scale("cart", 1)
        yield shops
    finally:
        # Not killed: Postgres leaves shared memory behind when it is.
        for shop in shops:
            with suppress(ProcessLookupError):
                shop.supervisor.process.send_signal(signal.SIGINT)
        await asyncio.gather(*(workbench.stop(shop.supervisor) for shop in shops))


async def _start(
    workbench: Workbench, name: str, checkout: Checkout, settings: Mapping[str, str]
) -> Shop:
    number = len(list(workbench.folder.glob("shop-*")))
    state = StateFolder.at(workbench.folder / f"shop-{number}-{name}")
    defaults = {
        # The bench decides how many replicas there are.
        "CARTWHEEL_AUTOSCALE": "off",
        "CARTWHEEL_CONSOLE": "off",
        "CARTWHEEL_STORES": "real",
        "CARTWHEEL_GUESTS_PER_ADDRESS": NO_LIMIT,
        "CARTWHEEL_REGISTRATIONS_PER_ADDRESS": NO_LIMIT,
        "CARTWHEEL_STAFF_EMAIL": STAFF_EMAIL,
        "CARTWHEEL_STAFF_PASSWORD": PASSWORD,
    }
    environment = plain_environment(**{**defaults, **settings})
    ports = [word for service in SERVICES for word in (f"--port-{service}", "0")]
    supervisor = await workbench.start(
        f"the shop of {name}",
        *(checkout.python, "-m", "cartwheel", "up"),
        *("--state-dir", str(state.root), *ports),
        environment=environment,
        folder=checkout.folder,
    )
    return Shop(name, checkout, state, supervisor, workbench)


async def _wait_until_open(shop: Shop) -> None:
    """Return when all services are ready and there are products to buy. Raises `CommandError`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT):
            while not shop.supervisor.has_ended:
                with suppress(CommandError, HttpError, OSError):
                    services = (await shop.status())["services"]
                    if services and all(one["ready"] == one["desired"] for one in services):
                        client = await shop.client()
                        if await asyncio.to_thread(client.skus):
                            return
                await asyncio.sleep(POLL_INTERVAL)
    raise CommandError(f"{shop.supervisor.name} does not start: {shop.supervisor.failure()}")


def _by_name(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return {one["service"]: one for one in status["services"]}


def _pids(service: Mapping[str, Any]) -> Iterable[int]:
    return [replica["pid"] for replica in service["replicas"] if replica["pid"]]
