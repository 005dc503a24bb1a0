"""The form that changes the autoscaler of a running shop, in a browser."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from cartwheel.console.autoscaler import AutoscalerPart
from cartwheel.console.live import Live
from cartwheel.console.server.session import AvailableParts, Session
from cartwheel.local.control_socket import send_command
from cartwheel.local.state_folder import StateFolder
from tests.cartwheel.autoscaling.scaled_shop import ARRIVALS
from tests.cartwheel.supervisor_process import SupervisorProcess
from tests.console.console_server import TOKEN, Console, serving_console
from tests.support.browser import WITHIN

pytestmark = [pytest.mark.xdist_group("console"), pytest.mark.browser]

MANIFEST = ARRIVALS.read_text()


@dataclass(frozen=True)
class Form:
    """The opened form, and the shop behind it."""

    page: Page
    drawer: Locator
    shop: SupervisorProcess
    console: Console

    def field(self, name: str) -> Locator:
        return self.drawer.locator(f'[name="{name}"]')

    async def press(self, name: str) -> None:
        await self.drawer.get_by_role("button", name=name).click()

    @property
    def changed(self) -> Locator:
        """The lines of the YAML that are new."""
        return self.drawer.locator(".manifest .added")


@pytest.fixture(scope="module")
async def console(scaled_shop: SupervisorProcess) -> AsyncIterator[Console]:
    now = time.time()
    load = [(now - 118 + second, 30.0 if second < 60 else 90.0) for second in range(118)]
    part = AutoscalerPart(
        Live(), StateFolder.at(scaled_shop.state), arrivals=lambda start, end: load
    )
    local = Session("local", "A shop", parts=AvailableParts(autoscaler=True))
    async with serving_console([part], session=local) as console:
        yield console


@pytest.fixture(scope="module")
async def page(chromium: Browser, console: Console) -> AsyncIterator[Page]:
    context = await chromium.new_context(reduced_motion="reduce")
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.goto(f"{console.url}/#token={TOKEN}")
    yield page
    await context.close()


@pytest.fixture
async def form(page: Page, console: Console, scaled_shop: SupervisorProcess) -> Form:
    """Newly opened, with the first manifest in force."""
    request = {"command": "autoscaler", "manifest": MANIFEST}
    await asyncio.to_thread(send_command, scaled_shop.state / "control.sock", request, timeout=10)
    form = Form(page, page.locator("dialog.changes"), scaled_shop, console)
    await page.keyboard.press("Escape")
    await expect(form.drawer).to_be_hidden()
    await page.get_by_role("button", name="Edit", exact=False).first.click()
    await expect(form.field("target")).to_have_value("20")
    await expect(form.field("max")).to_have_value("3")
    await expect(form.field("max")).to_be_enabled()
    return form


async def in_force(form: Form) -> str:
    return str((await form.console.client.get("/api/autoscaler")).json()["manifest"])


async def test_an_edit_marks_its_lines_and_is_in_force_with_one_click(form: Form) -> None:
    await form.field("max").fill("5")
    await expect(form.changed).to_have_text(["+added:   maxReplicaCount: 5\n"])
    assert await in_force(form) == MANIFEST
    await form.press("Apply")
    await expect(form.drawer.get_by_text("In force since")).to_be_visible()
    assert await in_force(form) == MANIFEST.replace("maxReplicaCount: 3", "maxReplicaCount: 5")
    await expect(form.changed).to_have_count(0)
    await form.press("Back to the file")
    await expect(form.drawer.get_by_text("As in the file again.")).to_be_visible()
    assert await in_force(form) == MANIFEST


async def test_an_error_stands_beside_its_field(form: Form) -> None:
    await form.field("max").fill("0")
    await expect(form.field("max")).to_have_attribute("aria-invalid", "true")
    await expect(form.drawer.get_by_role("alert")).to_contain_text("must be at least 1, but is 0")
    await form.field("max").fill("4")
    await expect(form.field("max")).not_to_have_attribute("aria-invalid", "true")


async def test_a_policy_is_added_and_removed(form: Form) -> None:
    await form.drawer.get_by_role("button", name="Add a policy").last.click()
    await expect(form.field("scale_down.policies.1.value")).to_have_value("1")
    await expect(form.changed.first).to_be_visible()
    await form.drawer.get_by_role("button", name="Remove this policy").last.click()
    await expect(form.field("scale_down.policies.1.value")).to_have_count(0)
    await expect(form.changed).to_have_count(0)


async def test_a_tolerance_is_set_and_left_to_the_default_again(form: Form) -> None:
    await form.drawer.get_by_role("button", name="Set rules").first.click()
    await expect(form.field("scale_up.tolerance")).to_have_value("")
    await form.field("scale_up.tolerance").fill("0.05")
    line = form.changed.filter(has_text="tolerance")
    await expect(line).to_have_text("+added:           tolerance: 0.05\n")
    await form.field("scale_up.tolerance").fill("-1")
    await expect(form.field("scale_up.tolerance")).to_have_attribute("aria-invalid", "true")
    await form.field("scale_up.tolerance").fill("")
    await expect(line).to_have_count(0)


async def test_what_was_typed_stays_when_another_page_has_changed_the_autoscaler(
    form: Form,
) -> None:
    await form.field("max").fill("5")
    await expect(form.changed).to_have_count(1)
    other = MANIFEST.replace("maxReplicaCount: 3", "maxReplicaCount: 4")
    await form.console.client.put(
        "/api/autoscaler", json={"manifest": other}, headers=form.console.token
    )
    await form.press("Apply")
    await expect(form.drawer.get_by_role("alert")).to_contain_text("What you typed is still here")
    await expect(form.field("max")).to_have_value("5")
    assert await in_force(form) == other
    await form.press("Load what is in force")
    await expect(form.field("max")).to_have_value("4")
    await expect(form.drawer.get_by_role("alert")).to_be_hidden()
    await form.field("max").fill("5")
    await form.press("Apply")
    await expect(form.drawer.get_by_text("In force since")).to_be_visible()


async def test_nothing_can_be_typed_in_vain_before_the_manifest_is_read(form: Form) -> None:
    asked, may_go_on = asyncio.Event(), asyncio.Event()

    async def delay(route: Route) -> None:
        asked.set()
        await may_go_on.wait()
        await route.continue_()

    await form.page.keyboard.press("Escape")
    await expect(form.drawer).to_be_hidden()
    await form.page.route("**/api/autoscaler", delay)
    await form.page.keyboard.press("e")
    await asyncio.wait_for(asked.wait(), WITHIN)
    await expect(form.drawer).to_be_visible()
    await expect(form.field("max")).to_have_count(0)
    await expect(form.drawer.get_by_role("button", name="Apply")).to_be_disabled()
    may_go_on.set()
    await form.field("max").fill("5")
    await form.page.unroute("**/api/autoscaler")
    await form.drawer.get_by_role("button", name="Apply").focus()
    await form.page.keyboard.press("e")
    await expect(form.field("max")).to_have_value("5")


async def test_what_it_would_have_done_is_two_charts_and_a_sentence(form: Form) -> None:
    await form.field("max").fill("2")
    await form.press("What would it have done?")
    found = form.drawer.locator(".simulation")
    await expect(found.locator(".comparison")).to_contain_text("With maximum 2")
    await expect(found.get_by_role("img")).to_have_count(2)
    await expect(found.get_by_role("img").last).to_have_attribute(
        "aria-label", "As edited: 2 to 2 replicas, at most 2, 0 changes"
    )


async def test_the_whole_manifest_is_edited_as_text(form: Form) -> None:
    await form.field("target").fill("15")
    await expect(form.changed).to_have_count(1)
    await form.press("Edit the YAML")
    text = form.drawer.get_by_role("textbox", name="The whole manifest")
    edited = (await text.input_value()).replace("maxReplicaCount: 3", "maxReplicaCount: 4")
    assert edited != MANIFEST
    await text.fill(edited)
    await expect(form.changed).to_have_count(2)
    await form.press("Apply")
    await expect(form.drawer.get_by_text("In force since")).to_be_visible()
    assert await in_force(form) == edited


async def test_the_manifest_is_copied_with_its_edits(form: Form) -> None:
    await form.field("max").fill("4")
    await expect(form.changed).to_have_count(1)
    await form.press("Copy as YAML")
    await expect(form.drawer.get_by_role("button", name="Copied")).to_be_visible()
    copied = await form.page.evaluate("navigator.clipboard.readText()")
    assert copied == MANIFEST.replace("maxReplicaCount: 3", "maxReplicaCount: 4")


async def test_a_pause_and_its_end_are_one_button(form: Form) -> None:
    panel = form.page.locator("#autoscaler")
    await panel.get_by_role("button", name="Pause").click()
    resume = panel.get_by_role("button", name="Resume")
    await expect(resume).to_be_visible()
    assert 'paused: "true"' in await in_force(form)
    await resume.click()
    await expect(panel.get_by_role("button", name="Pause")).to_be_visible()
    assert await in_force(form) == MANIFEST
