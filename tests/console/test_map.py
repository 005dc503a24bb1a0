"""The map in the page, under frames as a console sends them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from cartwheel.chaos.catalogue import faults
from cartwheel.console.headline import headline_of
from cartwheel.console.server import Session
from cartwheel.mesh import Edge, FaultState, Frame, ReplicaState, ServiceState, StoreState
from cartwheel.mesh.frame import OUTSIDE
from tests.console.console_server import TOKEN, Console, serving_console
from tests.console.layout import layout
from tests.support.browser import Complaints, accessibility_problems, until_true

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.browser]

CART = ServiceState(
    "cart",
    desired=2,
    replicas=[
        ReplicaState("cart-1", "serving", rate=24.0, cpu=0.25, memory=64 * 2**20, in_flight=3),
        ReplicaState("cart-2", "serving", rate=24.0, cpu=0.25, memory=64 * 2**20, in_flight=3),
    ],
    rate=48.0,
    errors=0.0,
    shed=0.0,
    p95=0.012,
    store=StoreState("valkey", rate=96.0, errors=0.0, p95=0.001),
)
STOREFRONT = ServiceState(
    "storefront",
    desired=1,
    replicas=[ReplicaState("storefront-1", "serving", rate=60.0, cpu=0.5)],
    rate=60.0,
)
CALLS = Edge("storefront", "cart", rate=48.0, p95=0.018)
SHOP = Frame(1000.0, [STOREFRONT, CART], [Edge(OUTSIDE, "storefront", rate=60.0), CALLS])

# What runs as often as the clock of the map: whether anything moves.
CLOCKS = """
  window.clocks = new Set();
  const { setInterval, clearInterval } = window;
  window.setInterval = (run, wait, ...rest) => {
    const id = setInterval(run, wait, ...rest);
    if (wait < 250) window.clocks.add(id);
    return id;
  };
  window.clearInterval = (id) => { window.clocks.delete(id); clearInterval(id); };
"""
MOVES, STANDS = "window.clocks.size > 0", "window.clocks.size === 0"
IS_WHOLE = "(h) => h.scrollHeight <= h.clientHeight && h.scrollWidth <= h.clientWidth"
CELLS = """(table) => [...table.querySelectorAll("tbody tr")]
  .map((row) => [...row.children].map((cell) => cell.textContent))"""


@dataclass
class Map:
    """The page with a map, and the console that feeds it."""

    page: Page
    console: Console
    at: float = SHOP.at

    async def show(self, frame: Frame, *, headline: str = "") -> None:
        """Return when the page shows it."""
        self.at += 1
        headline = headline or f"Frame {self.at:.0f}"
        self.console.live.publish(replace(frame, at=self.at, headline=headline))
        await expect(self.page.locator("h1")).to_have_text(headline)

    def element(self, id_of_it: str) -> Locator:
        return self.page.locator(f'[data-id="{id_of_it}"]')

    @property
    def card(self) -> Locator:
        return self.page.locator(".map-card")

    @property
    def labels(self) -> Locator:
        return self.page.locator(".map-label")


@pytest.fixture(scope="module")
async def console() -> AsyncIterator[Console]:
    async with serving_console(session=Session("local", "A shop")) as serving:
        yield serving


async def opened(chromium: Browser, console: Console, **options: Any) -> AsyncIterator[Map]:
    context = await chromium.new_context(**options)
    await context.add_init_script(CLOCKS)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.goto(f"{console.url}/#token={TOKEN}")
    yield Map(page, console)
    await context.close()


@pytest.fixture(scope="module")
async def shared_map(chromium: Browser, console: Console) -> AsyncIterator[Map]:
    async for one in opened(chromium, console, viewport={"width": 1280, "height": 720}):
        yield one


@pytest.fixture
async def mesh_map(shared_map: Map) -> AsyncIterator[Map]:
    """The map under load. An error of the browser fails the test."""
    complaints = Complaints()
    complaints.listen(shared_map.page)
    await shared_map.page.mouse.move(0, 0)
    await shared_map.show(SHOP)
    yield shared_map
    # The other panels ask for what this console does not have.
    assert [one for one in complaints if "404" not in one] == []


@pytest.fixture
async def calm_phone(chromium: Browser, console: Console) -> AsyncIterator[Map]:
    size = {"width": 390, "height": 844}
    async for one in opened(
        chromium, console, viewport=size, reduced_motion="reduce", color_scheme="dark"
    ):
        yield one


def with_cart(**changes: Any) -> Frame:
    return replace(SHOP, services=[STOREFRONT, replace(CART, **changes)])


@pytest.mark.parametrize(("width", "key"), [(1280, ""), (1280, "p"), (390, "")])
async def test_a_long_headline_is_readable_whole_and_moves_nothing(
    mesh_map: Map, width: int, key: str
) -> None:
    title = max((one.title for one in faults().values()), key=len)
    fault = FaultState("", title, ["cart"], seconds=60)
    long = headline_of(replace(SHOP, faults=[fault, fault]), None)
    page = mesh_map.page
    await page.set_viewport_size({"width": width, "height": 720})
    if key:
        await page.keyboard.press(key)
    await mesh_map.show(SHOP, headline="Steady")
    before = await layout(page)
    await mesh_map.show(SHOP, headline=long)
    shown = await layout(page)
    is_whole = await page.locator("h1").evaluate(IS_WHOLE)
    if key:
        await page.keyboard.press("Escape")
    await page.set_viewport_size({"width": 1280, "height": 720})
    assert (shown, is_whole) == (before, True)


async def test_a_replica_has_a_wheel_as_soon_as_it_serves(mesh_map: Map) -> None:
    starting = ReplicaState("cart-3", "starting")
    await mesh_map.show(with_cart(desired=3, replicas=[*CART.replicas, starting]))
    third = mesh_map.element("replica:cart/cart-3")
    await expect(third).to_have_accessible_name("Replica cart-3, starting")
    await expect(mesh_map.element("service:cart")).to_contain_text("2/3 ready")
    serving = replace(starting, phase="serving", rate=16.0)
    await mesh_map.show(with_cart(desired=3, replicas=[*CART.replicas, serving]))
    await expect(third).to_have_accessible_name("Replica cart-3, serving")
    await expect(third).to_contain_text("16")
    await mesh_map.show(SHOP)
    await expect(third).to_have_count(0)


async def test_a_crashed_replica_is_named_with_its_reason(mesh_map: Map) -> None:
    crashed = ReplicaState("cart-2", "crashed", reason="OOMKilled", restarts=3)
    await mesh_map.show(with_cart(replicas=[CART.replicas[0], crashed]))
    cart = mesh_map.element("service:cart")
    await expect(cart).to_contain_text("1 crashed")
    await expect(cart).to_contain_text("OOMKilled")
    wheel = mesh_map.element("replica:cart/cart-2")
    await expect(wheel).to_have_accessible_name("Replica cart-2, crashed")
    await wheel.hover()
    await expect(mesh_map.card).to_contain_text("Crashed (OOMKilled)")


async def test_a_replica_that_does_not_respond_has_no_figures(mesh_map: Map) -> None:
    silent = replace(CART.replicas[1], reason="does not respond to a scrape")
    await mesh_map.show(with_cart(replicas=[CART.replicas[0], silent]))
    await expect(mesh_map.element("service:cart")).to_contain_text("1 no response")
    wheel = mesh_map.element("replica:cart/cart-2")
    await expect(wheel).to_have_accessible_name(
        "Replica cart-2, serving: does not respond to a scrape"
    )
    await expect(wheel).to_have_text("–")
    await wheel.focus()
    await expect(mesh_map.card).to_contain_text("Requests–")


async def test_an_edge_says_in_signs_and_numbers_what_is_wrong_with_it(mesh_map: Map) -> None:
    wrong = replace(CALLS, errors=0.12, retries=3.0, open_breakers=1)
    await mesh_map.show(replace(SHOP, edges=[SHOP.edges[0], wrong]))
    label = mesh_map.labels.filter(has_text="12 %")
    await expect(label).to_contain_text("3/s")
    await expect(label).to_contain_text("1 open")
    await expect(label.locator(".map-sign")).to_have_count(3)


async def test_the_slowest_edges_show_their_latency(mesh_map: Map) -> None:
    await expect(mesh_map.labels).to_have_text(["18 ms"])


async def test_faults_are_named_where_they_are(mesh_map: Map) -> None:
    faults = [
        FaultState("slow-cart", "The cart is late", ["storefront->cart"], seconds=1),
        FaultState("cart-hung", "A replica hangs", ["cart-1"], seconds=1),
        FaultState("valkey-slow", "The store is slow", ["store of cart"], seconds=1),
    ]
    await mesh_map.show(replace(SHOP, faults=faults))
    await expect(mesh_map.labels.filter(has_text="slow-cart")).to_be_visible()
    await expect(mesh_map.element("service:cart")).to_contain_text("cart-hung")
    await expect(mesh_map.element("store:cart")).to_contain_text("valkey-slow")
    await mesh_map.element("replica:cart/cart-1").hover()
    await expect(mesh_map.card).to_contain_text("Fault: A replica hangs")


async def test_the_card_of_an_edge_has_all_figures(mesh_map: Map) -> None:
    await mesh_map.element("edge:storefront->cart").focus()
    await expect(mesh_map.card.locator("div")).to_have_text(
        ["Calls48/s", "Failed0 %", "p9518 ms", "Retries0/s", "Open circuit breakersnone"]
    )


async def test_the_card_of_a_replica_has_all_figures(mesh_map: Map) -> None:
    await mesh_map.element("replica:cart/cart-1").focus()
    await expect(mesh_map.card.locator("div")).to_have_text(
        ["StateServing", "Requests24/s", "CPU0.25 cores", "Memory64 MiB", "In flight3", "Restarts0"]
    )


async def test_the_arrow_keys_move_in_the_order_of_calls(mesh_map: Map) -> None:
    keyboard = mesh_map.page.keyboard
    await mesh_map.element("outside").focus()
    visited = []
    for _ in range(6):
        await keyboard.press("ArrowRight")
        visited.append(await mesh_map.page.evaluate("document.activeElement.dataset.id"))
    assert visited == [
        "edge:outside->storefront",
        "service:storefront",
        "replica:storefront/storefront-1",
        "edge:storefront->cart",
        "service:cart",
        "replica:cart/cart-1",
    ]
    await keyboard.press("ArrowLeft")
    await expect(mesh_map.element("service:cart")).to_be_focused()
    await expect(mesh_map.page.locator('#map [tabindex="0"][data-id]')).to_have_count(1)


async def test_enter_pins_a_card_and_escape_lets_it_go(mesh_map: Map) -> None:
    await mesh_map.element("service:cart").focus()
    await mesh_map.page.keyboard.press("Enter")
    await mesh_map.page.keyboard.press("Tab")
    await expect(mesh_map.card).to_contain_text("2 desired, 2 ready, 2 serving")
    await mesh_map.show(with_cart(desired=5))
    await expect(mesh_map.card).to_contain_text("5 desired")
    await mesh_map.element("service:cart").focus()
    await mesh_map.page.keyboard.press("Escape")
    await mesh_map.page.keyboard.press("Escape")
    await expect(mesh_map.card).to_be_hidden()


async def test_the_tables_are_the_frame_and_keep_their_rows(mesh_map: Map) -> None:
    await mesh_map.page.keyboard.press("t")
    tables = mesh_map.page.get_by_role("region", name="The map as tables")
    services, replicas, stores, calls = await tables.get_by_role("table").all()
    assert await services.evaluate(CELLS) == [
        ["storefront", "1", "1", "1", "60/s", "–", "–", "–", ""],
        ["cart", "2", "2", "2", "48/s", "0 %", "0/s", "12 ms", ""],
    ]
    assert await stores.evaluate(CELLS) == [["cart", "valkey", "96/s", "0 %", "1 ms", ""]]
    assert await calls.evaluate(CELLS) == [
        ["outside", "storefront", "60/s", "0 %", "–", "0/s", "0", ""],
        ["storefront", "cart", "48/s", "0 %", "18 ms", "0/s", "0", ""],
    ]
    row = await replicas.get_by_role("row", name="cart-1").element_handle()
    await mesh_map.show(with_cart(replicas=[replace(CART.replicas[0], rate=31.0)]))
    assert row is not None
    assert await row.evaluate("(row) => row.isConnected && row.textContent.includes('31/s')")
    await mesh_map.page.keyboard.press("t")
    await expect(tables).to_be_hidden()


async def test_the_map_moves_only_while_there_is_something_to_see(mesh_map: Map) -> None:
    page = mesh_map.page
    await until_true(page, MOVES)
    still = page.get_by_role("button", name="Hold still")
    await still.click()
    await until_true(page, STANDS)
    await still.click()
    await until_true(page, MOVES)
    await page.evaluate(
        """Object.defineProperty(document, "hidden", {get: () => true, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));"""
    )
    await until_true(page, STANDS)
    await page.evaluate(
        "delete document.hidden; document.dispatchEvent(new Event('visibilitychange'));"
    )
    await until_true(page, MOVES)


async def test_a_moment_that_stays_does_not_move(mesh_map: Map) -> None:
    await until_true(mesh_map.page, MOVES)
    # No further frame comes.
    await until_true(mesh_map.page, STANDS)


async def test_a_shop_without_traffic_says_what_to_do_and_stands(mesh_map: Map) -> None:
    idle = [
        replace(one, rate=0.0, replicas=[replace(r, phase="ready", rate=0.0) for r in one.replicas])
        for one in SHOP.services
    ]
    await mesh_map.show(Frame(1.0, idle))
    await expect(mesh_map.page.locator(".map-note")).to_have_text("No traffic now.")
    await until_true(mesh_map.page, STANDS)


async def test_what_is_missing_is_said_with_what_to_do(mesh_map: Map) -> None:
    unmeasured = [
        replace(one, rate=None, replicas=[replace(r, rate=None) for r in one.replicas])
        for one in SHOP.services
    ]
    await mesh_map.show(Frame(1.0, unmeasured, problem="Nothing is seen. Do this: `make up`"))
    await expect(mesh_map.page.locator(".map-note code")).to_have_text("make up")
    await until_true(mesh_map.page, STANDS)
    layers = mesh_map.page.locator(".map-layers")
    await expect(layers).not_to_have_css("filter", "none")
    assert await layers.evaluate("(one) => one.clientHeight > 100")


async def test_one_replica_without_figures_leaves_the_rest_alive(mesh_map: Map) -> None:
    silent = replace(CART.replicas[1], phase="ready", rate=None)
    missing = with_cart(replicas=[CART.replicas[0], silent])
    await mesh_map.show(replace(missing, problem="cart-2 does not respond: figures are missing."))
    await expect(mesh_map.page.locator(".map-note")).to_contain_text("cart-2 does not respond")
    await until_true(mesh_map.page, MOVES)
    await expect(mesh_map.page.locator(".map-layers")).to_have_css("filter", "none")


async def test_a_phone_shows_all_of_it_and_reduced_motion_stops_it(calm_phone: Map) -> None:
    await calm_phone.show(SHOP)
    page = calm_phone.page
    await expect(calm_phone.element("replica:cart/cart-2")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    boxes = [
        await calm_phone.element(name).locator("rect").first.bounding_box()
        for name in ("service:storefront", "service:cart")
    ]
    storefront, cart = (box or {} for box in boxes)
    assert storefront["y"] + storefront["height"] < cart["y"]
    assert 0 <= cart["x"] < cart["x"] + cart["width"] <= 390
    # Numbers say what movement would.
    await expect(calm_phone.labels.filter(has_text="48/s")).to_be_visible()
    assert await page.evaluate(STANDS)


async def test_axe_finds_nothing_in_a_map_full_of_trouble(mesh_map: Map, calm_phone: Map) -> None:
    crashed = ReplicaState("cart-2", "crashed", reason="OOMKilled")
    trouble = replace(
        with_cart(replicas=[CART.replicas[0], crashed], errors=0.1, shed=3.0),
        edges=[replace(CALLS, errors=0.12, retries=3.0)],
        faults=[FaultState("cart-hung", "A replica hangs", ["cart-1"], seconds=1)],
        problem="Old. Do `this`.",
    )
    for one in (mesh_map, calm_phone):
        await one.show(trouble)
        found = await accessibility_problems(one.page)
        assert [problem for problem in found if "map-" in problem] == []


async def test_what_a_lesson_is_about_stands_out_until_it_ends(mesh_map: Map) -> None:
    idle = replace(SHOP, edges=SHOP.edges[:1])
    tell = "(detail) => document.dispatchEvent(new CustomEvent('cartwheel:watch', { detail }))"
    about = {"services": ["cart"], "edges": ["storefront->cart"], "stores": ["cart"]}
    watched = mesh_map.page.locator("#map [data-watched]")
    await mesh_map.page.evaluate(tell, about)
    await expect(watched).to_have_count(3)
    # It lasts, with a call that is no longer made too.
    await mesh_map.show(idle)
    await expect(watched).to_have_count(3)
    cart = mesh_map.element("service:cart")
    await expect(cart).to_have_accessible_description("The lesson is about this")
    await expect(cart.locator("rect").first).to_have_css("stroke-width", "3px")
    assert [one for one in await accessibility_problems(mesh_map.page) if "map-" in one] == []
    await mesh_map.page.evaluate(tell, None)
    await expect(watched).to_have_count(0)
