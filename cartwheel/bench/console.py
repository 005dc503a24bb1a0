"""The bench of the console: what its process and a browser use while the shop is under load."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, replace

from cartwheel.bench.load_steps import HIGH, MANY, open_loop, settings_of
from cartwheel.bench.options import OWN, Options
from cartwheel.bench.results import BenchResult, Column, Gate, Value
from cartwheel.bench.rounds import Progress
from cartwheel.bench.shop import Shop, running_shops
from cartwheel.bench.usage import cpu_seconds, memory_mebibytes, process_tree
from cartwheel.bench.workbench import Workbench, plain_environment
from cartwheel.errors import CommandError
from cartwheel.local.sockets import OWN_HOST

NAME = "console"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BROWSER_FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,720"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    # Without it, a headless browser may end once the page has loaded.
    "--remote-debugging-port=0",
)
ONE, TWENTY = "1 page", "20 pages"
STALLED = "20 more that do not read"
BROWSER = "1 page in a browser"
WINDOW_FACTOR = 4
"""A window lasts so many times the seconds that were asked for: figures come once a second."""
SETTLE = 3.0
"""Seconds after a change, until what it has cost is over."""
BROWSER_SETTLE = 12.0
"""The same for a browser, which starts, draws and compiles."""
SCALE_TIMEOUT = 60
MAX_LOAD_SECONDS = 300.0
"""The load is stopped at the end."""
COLUMNS = (
    Column("pages", "open"),
    Column("cpu", "console, % of a core", 1, meaning="CPU in per cent of a core; less is better"),
    Column("memory", "console, MiB", 1),
    Column("browser", "browser, % of a core", 1),
    Column("frames", "frames/s of a page", 2),
)


@dataclass(frozen=True)
class Measured:
    """CPU in per cent of a core; ``browser`` of all its processes, without one None."""

    pages: str
    cpu: float
    memory: float
    browser: float | None = None
    frames: float | None = None


async def run(workbench: Workbench, options: Options, progress: Progress) -> Sequence[BenchResult]:
    """Raises `CommandError`."""
    settings = {**settings_of("requests"), "CARTWHEEL_CONSOLE": "on", "CARTWHEEL_PORT_CONSOLE": "0"}
    own = replace(options, variants=(OWN,))
    async with running_shops(workbench, own, progress, **settings) as (shop,):
        workbench.release_cores([shop.supervisor])
        async with open_loop(shop, [(MAX_LOAD_SECONDS, HIGH)]):
            progress("scaling", f"the cart to {MANY}")
            await _wait_for_replicas(shop)
            window = WINDOW_FACTOR * options.seconds
            measured = await _measure_all(shop, window, progress)
    return [
        BenchResult(
            NAME,
            f"The console beside {MANY} replicas under {HIGH:g} requests/s",
            COLUMNS,
            [_row(one) for one in measured],
            gates(measured),
            notes=[
                f"Each measured for {window:g} s. What a page does not read waits in buffers of "
                "the system, until it is disconnected. All processes of the browser count; it "
                "draws without a graphics card."
            ],
            samples=[asdict(one) for one in measured],
            chart="cpu",
        )
    ]


def _row(one: Measured) -> dict[str, Value]:
    return {
        "pages": one.pages,
        "cpu": one.cpu,
        "memory": one.memory,
        "browser": one.browser,
        "frames": one.frames,
    }


def gates(measured: Sequence[Measured]) -> Sequence[Gate]:
    found = {one.pages: one for one in measured}
    one = found[ONE].cpu if ONE in found else None
    growth = found[STALLED].memory - found[TWENTY].memory if STALLED in found else None
    browser = found[BROWSER].browser if BROWSER in found else None
    return [
        Gate("console with 1 page", one, 3.0, unit="% of a core", decimals=1),
        Gate("20 pages that do not read", growth, 2.0, unit="MiB", decimals=1),
        Gate("browser", browser, 5.0, unit="% of a core", decimals=1),
    ]


async def _wait_for_replicas(shop: Shop) -> None:
    for _ in range(SCALE_TIMEOUT):
        if await _ready(shop) == MANY:
            return
        await asyncio.sleep(1)
    raise CommandError(f"The cart does not get {MANY} replicas within {SCALE_TIMEOUT} s.")


async def _ready(shop: Shop) -> int:
    services = (await shop.status())["services"]
    return int(next(one["ready"] for one in services if one["service"] == "cart"))


async def _measure_all(shop: Shop, window: float, progress: Progress) -> Sequence[Measured]:
    console = (await shop.status())["console"]
    pid, port = console["pid"], int(console["url"].rpartition(":")[2])
    shop.workbench.release_cores([shop.supervisor])
    measured = []
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(_page(port))
        for name, more, reads in ((ONE, 0, True), (TWENTY, 19, True), (STALLED, 20, False)):
            progress("measuring", name)
            for _ in range(more):
                await stack.enter_async_context(_page(port, reads=reads))
            measured.append(await _measure(name, pid, window, page=first))
    if program := next(filter(None, map(shutil.which, BROWSERS)), None):
        progress("measuring", BROWSER)
        async with _browser(shop.workbench, program, console["link"]) as browser:
            measured.append(await _measure(BROWSER, pid, window, browser=browser))
    return measured


class _Page:
    """How many frames a page has got."""

    frames = 0


async def _measure(
    name: str, pid: int, window: float, *, page: _Page | None = None, browser: int | None = None
) -> Measured:
    await asyncio.sleep(BROWSER_SETTLE if browser else SETTLE)
    of_browser = process_tree(browser) if browser else []
    before, browser_before = cpu_seconds([pid]), cpu_seconds(of_browser)
    frames = page.frames if page else 0
    await asyncio.sleep(window)
    if not (used := cpu_seconds([pid]) - before) > 0:
        raise CommandError("The console has ended while it was measured.")
    return Measured(
        name,
        cpu=100 * used / window,
        memory=memory_mebibytes([pid]),
        browser=100 * (cpu_seconds(of_browser) - browser_before) / window if browser else None,
        frames=(page.frames - frames) / window if page else None,
    )


@asynccontextmanager
async def _page(port: int, *, reads: bool = True) -> AsyncIterator[_Page]:
    """An open stream of frames; one that does not read fills the buffers that lie between."""
    reader, writer = await asyncio.open_connection(OWN_HOST, port)
    host = f"Host: {OWN_HOST}:{port}\r\n"
    writer.write(f"GET /api/stream HTTP/1.1\r\n{host}\r\n".encode())
    page = _Page()
    reading = asyncio.create_task(_count(reader, page) if reads else _stall(writer))
    try:
        yield page
    finally:
        reading.cancel()
        writer.transport.abort()


async def _count(reader: asyncio.StreamReader, page: _Page) -> None:
    while part := await reader.read(1024 * 1024):
        page.frames += part.count(b"event: frame\n")


async def _stall(writer: asyncio.StreamWriter) -> None:
    assert isinstance(writer.transport, asyncio.Transport)
    writer.transport.pause_reading()


@asynccontextmanager
async def _browser(workbench: Workbench, program: str, link: str) -> AsyncIterator[int]:
    """A browser that shows the console; its process."""
    profile = workbench.folder / "browser"
    browser = await workbench.start(
        "the browser",
        *(program, *BROWSER_FLAGS, f"--user-data-dir={profile}", link),
        environment=plain_environment(),
    )
    workbench.release_cores([browser])
    try:
        yield browser.process.pid
    finally:
        await workbench.stop(browser)
