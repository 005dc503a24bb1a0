"""The autoscaler of a running shop, changed over the console's routes."""

import asyncio
import dataclasses
import itertools
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
import yaml

from cartwheel.autoscaling.autoscaler import HorizontalPodAutoscaler
from cartwheel.autoscaling.manifests import read_autoscalers
from cartwheel.autoscaling.observation import Observation, Pod, PodSamples, Sample, Scale
from cartwheel.console.autoscaler import AutoscalerPart
from cartwheel.console.autoscaler.simulation import Comparison, Points, compare
from cartwheel.console.live import Live
from cartwheel.errors import CommandError
from cartwheel.local.control_socket import send_command
from cartwheel.local.state_folder import StateFolder
from cartwheel.mesh import Mark
from cartwheel.recording import Recorder, ReplicasChanged, SessionStarted, Synced
from tests.cartwheel.autoscaling.scaled_shop import ARRIVALS, CPU, HERE
from tests.cartwheel.autoscaling.test_changes_of_a_running_shop import two_syncs
from tests.cartwheel.supervisor_process import SupervisorProcess, eventually
from tests.console.console_server import Console, serving_console
from tests.explain.sessions import OPTIONS, record
from tests.support.waiting import until

# On one worker, which starts the shop once.
pytestmark = pytest.mark.xdist_group("autoscaler of the console")

MANIFEST = ARRIVALS.read_text()
PATH = "/api/autoscaler"


@dataclass
class Page:
    """What a page with the token asks for, and the marks that it gets."""

    console: Console
    marks: list[Mark] = field(default_factory=list)
    earlier: list[Mark] = field(default_factory=list)

    async def get(self) -> dict[str, Any]:
        return (await self.console.client.get(PATH)).json()

    async def put(self, **body: Any) -> httpx2.Response:
        return await self.console.client.put(PATH, json=body, headers=self.console.token)

    async def post(self, action: str, **body: Any) -> httpx2.Response:
        path = f"{PATH}/{action}"
        return await self.console.client.post(path, json=body, headers=self.console.token)


@asynccontextmanager
async def page_of(run: SupervisorProcess, points: Points = ()) -> AsyncIterator[Page]:
    live = Live()
    state = StateFolder.at(run.state)
    earlier: list[Mark] = []
    part = AutoscalerPart(
        live, state, arrivals=lambda start, end: points, keep_earlier=earlier.extend
    )
    async with serving_console([part]) as console:
        page = Page(console, earlier=earlier)
        live.on_mark.append(page.marks.append)
        yield page


@pytest.fixture
async def page(scaled_shop: SupervisorProcess) -> AsyncIterator[Page]:
    """A page of the shop with its first manifest in force."""
    async with page_of(scaled_shop) as page:
        assert (await page.put(manifest=MANIFEST)).status_code == 200
        yield page


async def test_what_is_in_force_is_there_with_its_fields(page: Page) -> None:
    found = await page.get()
    assert found["manifest"] == found["original"] == MANIFEST
    assert (found["kind"], found["title"]) == ("scaledobject", "scaledobject/cart")
    assert found["fields"]["target"] == 20
    assert (found["fields"]["min"], found["fields"]["max"]) == (1, 3)
    assert found["fields"]["scale_down"]["policies"] == [
        {"type": "Pods", "value": 3, "period_seconds": 1}
    ]
    assert (found["unit"], found["is_paused"]) == ("requests/s", False)
    assert found["limits"] == {"replicas": 32}


async def test_fields_are_in_force_at_once_and_their_comments_stay(
    page: Page, scaled_shop: SupervisorProcess
) -> None:
    found = (await page.put(fields={"min": 3, "max": 5})).json()
    assert found["manifest"] == MANIFEST.replace("Count: 1", "Count: 3").replace(
        "maxReplicaCount: 3", "maxReplicaCount: 5"
    )
    assert found["original"] == MANIFEST
    assert not found["is_original"]
    await asyncio.to_thread(eventually, lambda: len(scaled_shop.endpoints()) == 3)
    await page.put(fields={"min": 1, "max": 2})
    await asyncio.to_thread(eventually, lambda: len(scaled_shop.replicas()) <= 2)


async def test_two_edits_at_once_are_both_in_force(page: Page) -> None:
    for target, maximum in [(33, 5), (20, 3), (34, 6)]:
        responses = await asyncio.gather(
            page.put(fields={"max": maximum}), page.put(fields={"target": target})
        )
        assert [one.status_code for one in responses] == [200, 200]
        fields = (await page.get())["fields"]
        assert (fields["max"], fields["target"]) == (maximum, target)


async def test_a_pause_and_an_edit_at_once_are_both_in_force(page: Page) -> None:
    await asyncio.gather(page.post("pause"), page.put(fields={"max": 5}))
    found = await page.get()
    assert (found["is_paused"], found["fields"]["max"]) == (True, 5)


@pytest.mark.parametrize("edit", [{"fields": {"max": 4}}, {"manifest": MANIFEST + "# mine\n"}])
async def test_an_edit_of_a_manifest_that_is_not_in_force_any_more_is_refused(
    page: Page, edit: Mapping[str, Any]
) -> None:
    await page.put(fields={"target": 33})
    response = await page.put(**edit, made_from=MANIFEST)
    assert response.status_code == 409
    assert "has been changed meanwhile" in response.json()["detail"]
    now = await page.get()
    assert (now["fields"]["target"], now["fields"]["max"]) == (33, 3)
    assert (await page.put(**edit, made_from=now["manifest"])).status_code == 200
    assert (await page.put(**edit, made_from=1)).json()["field"] == "made_from"


async def test_each_change_is_a_mark_whoever_makes_it(
    page: Page, scaled_shop: SupervisorProcess
) -> None:
    await _marks_begin(page)
    await page.put(fields={"target": 10, "max": 5})
    request = {"command": "autoscaler", "manifest": MANIFEST}
    await asyncio.to_thread(send_command, scaled_shop.state / "control.sock", request, timeout=10)
    await page.post("pause")
    await until(lambda: _are(page.marks, 3), within=10)
    assert [(one.kind, one.title) for one in page.marks] == [
        ("autoscaler", "maximum 3 → 5, target 20 → 10"),
        ("autoscaler", "maximum 5 → 3, target 10 → 20"),
        ("autoscaler", "paused"),
    ]
    assert all(abs(one.at - time.time()) < 60 for one in page.marks)
    # A console that starts now finds the same.
    async with page_of(scaled_shop) as later:
        await until(lambda: later.earlier, within=10)
        assert (later.earlier[-3:], later.marks) == (page.marks, [])


async def _marks_begin(page: Page) -> None:
    """The part has read what was before: what changes from now on has a mark."""
    maxima = itertools.cycle([4, 3])

    async def is_marked() -> bool:
        await page.put(fields={"max": next(maxima)})
        return bool(page.marks)

    await until(is_marked, within=10)
    await page.put(manifest=MANIFEST.replace("20", "21"))
    await page.put(manifest=MANIFEST)
    await until(lambda: page.marks[-1].title == "target 21 → 20", within=10)
    page.marks.clear()


async def _are(marks: list[Mark], count: int) -> bool:
    return len(marks) >= count


async def test_a_pause_holds_the_count_and_its_end_restores_the_manifest(
    page: Page, scaled_shop: SupervisorProcess
) -> None:
    await asyncio.to_thread(eventually, lambda: scaled_shop.service("cart")["desired"] == 1)
    held = (await page.post("pause")).json()
    assert held["is_paused"]
    assert 'autoscaling.keda.sh/paused: "true"' in held["manifest"]
    assert (await page.post("pause")).json() == held
    edited = (await page.put(fields={"min": 2})).json()
    assert edited["is_paused"]
    await asyncio.to_thread(two_syncs, scaled_shop)
    assert scaled_shop.service("cart")["desired"] == 1
    after = (await page.post("resume")).json()
    assert after["manifest"] == MANIFEST.replace("minReplicaCount: 1", "minReplicaCount: 2")
    await asyncio.to_thread(eventually, lambda: scaled_shop.service("cart")["desired"] == 2)


async def test_a_preview_changes_nothing(page: Page) -> None:
    found = (await page.post("preview", fields={"max": 5})).json()
    assert found["manifest"] == MANIFEST.replace("maxReplicaCount: 3", "maxReplicaCount: 5")
    assert found["changes"] == "maximum 3 → 5"
    assert found["fields"]["max"] == 5
    assert (await page.get())["manifest"] == MANIFEST


async def test_what_is_copied_is_a_manifest_for_kubectl_and_for_up(page: Page) -> None:
    found = (await page.put(fields={"target": 15, "scale_up": {"select_policy": "Min"}})).json()
    manifest = yaml.safe_load(found["manifest"])
    assert manifest["spec"]["triggers"][0]["metadata"]["threshold"] == "15"
    behavior = manifest["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behavior["scaleUp"] == {"selectPolicy": "Min"}


WRONG_EDITS: list[tuple[Mapping[str, Any], str, str]] = [
    ({"fields": {"max": 0}}, "max", "must be at least 1, but is 0"),
    ({"fields": {"max": 33}}, "max", "must be at most 32, but is 33"),
    ({"fields": {"min": 4}}, "max", "must be at least minReplicaCount (4), but is 3"),
    ({"fields": {"target": -1}}, "target", "must be above 0"),
    ({"fields": {"colour": 1}}, "colour", "unknown field; there are target, min, max"),
    (
        {"fields": {"scale_up": {"policies": [{"type": "Pods", "value": 1}]}}},
        "scale_up.policies.0.period_seconds",
        "missing",
    ),
    ({"fields": [1]}, "manifest", "Give fields (an object) or a manifest (a text)"),
    ({}, "manifest", "Give fields"),
    ({"fields": {}, "manifest": ""}, "manifest", "not both"),
    ({"manifest": "#" * 40_000}, "manifest", "at most 32,768"),
]
WRONG_MANIFESTS = [
    (MANIFEST.replace("maxReplicaCount", "maxReplicas"), "spec.maxReplicas: unknown field"),
    (MANIFEST.replace("{name: cart}", "{name: hats}"), "it scales hats"),
    (f"{MANIFEST}---\n{MANIFEST}", "it has 2 autoscalers"),
    ("kind: Service\napiVersion: v1\n", "neither a HorizontalPodAutoscaler"),
    ("a: &a [*a]\nb: {", "no YAML"),
    ("x: &x [*x, *x]\nkind: List", "apiVersion: missing"),
    ("[" * 5000, "nested too deeply"),
]


async def test_a_wrong_edit_is_a_problem_that_names_the_field(page: Page) -> None:
    for body, field_name, detail in WRONG_EDITS:
        for response in (await page.put(**body), await page.post("preview", **body)):
            assert response.status_code == 422
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["field"] == field_name
            assert detail in response.json()["detail"]
    assert (await page.get())["manifest"] == MANIFEST


async def test_a_wrong_manifest_is_a_problem(page: Page) -> None:
    for manifest, detail in WRONG_MANIFESTS:
        body = {"manifest": manifest}
        for response in (await page.put(**body), await page.post("preview", **body)):
            assert response.status_code == 422
            assert detail in response.json()["detail"]
    assert (await page.get())["manifest"] == MANIFEST


async def test_a_manifest_with_half_a_character_is_a_problem(page: Page) -> None:
    broken = '{"manifest": "\\ud800"}'
    for method, path in (("PUT", PATH), ("POST", f"{PATH}/preview")):
        response = await page.console.client.request(
            method, path, content=broken, headers=page.console.token
        )
        assert response.status_code == 400
        assert "UTF-8 cannot encode" in response.json()["detail"]


async def test_a_long_manifest_of_any_alphabet_is_taken(page: Page) -> None:
    manifest = MANIFEST + "# " + "車" * 30_000 + "\n"
    assert (await page.put(manifest=manifest, made_from=MANIFEST)).status_code == 200
    assert (await page.put(fields={"max": 5})).status_code == 200


async def test_a_manifest_whose_fields_cannot_be_edited_says_so(page: Page) -> None:
    item = "".join(f"    {line}\n" for line in MANIFEST.splitlines())
    listed = f"apiVersion: v1\nkind: List\nitems:\n  -\n{item}"
    found = (await page.put(manifest=listed)).json()
    assert found["fields"] is None
    assert "it is neither a HorizontalPodAutoscaler nor a ScaledObject" in found["problem"]
    response = await page.put(fields={"max": 2})
    assert response.status_code == 422
    assert "Edit the whole manifest instead" in response.json()["detail"]


async def test_a_change_needs_the_token(page: Page) -> None:
    response = await page.console.client.put(PATH, json={"fields": {"max": 2}})
    assert response.status_code in (401, 403)


async def test_the_load_of_the_last_minutes_runs_again_under_an_edit(
    scaled_shop: SupervisorProcess,
) -> None:
    now = time.time()
    points = [(now - 118 + second, 30.0 if second < 60 else 90.0) for second in range(118)]
    async with page_of(scaled_shop, points) as page:
        await page.put(manifest=CPU.read_text())
        response = await page.post("simulation", fields={"max": 2}, seconds=120)
        found = response.json()
    assert response.status_code == 200, found
    assert found["load"] == "the requests that the console saw arrive"
    assert max(count for _, count in found["edited"]["replicas"]) <= 2
    assert found["start"] == pytest.approx(now - 118, abs=3)
    assert found["sentences"][0].startswith("With maximum 2 it would have had")
    assert "capacity=40" in found["assumed"]


async def test_a_simulation_is_of_bounded_time(scaled_shop: SupervisorProcess) -> None:
    async with page_of(scaled_shop) as page:
        await page.put(manifest=CPU.read_text())
        for seconds in (1, "60", True, 1e9):
            response = await page.post("simulation", fields={"max": 2}, seconds=seconds)
            assert response.status_code == 422
            assert response.json()["field"] == "seconds"


async def test_without_a_shop_it_says_how_to_start_one(tmp_path: Any) -> None:
    part = AutoscalerPart(Live(), StateFolder.at(tmp_path))
    async with serving_console([part]) as console:
        response = await console.client.get(PATH)
        assert response.status_code == 409
        assert "cartwheel up" in response.json()["detail"]


def comparison(**changes: Any) -> Comparison:
    (cart,) = read_autoscalers(["manifests/components/autoscaling-requests/scaledobject.yaml"])
    after = dataclasses.replace(cart, **changes)
    return Comparison(cart, after, service="cart", sync_period=1.0, resolution=1.0)


def test_the_load_is_what_the_autoscaler_measured_and_the_count_what_there_was(
    tmp_path: Any,
) -> None:
    path = tmp_path / "autoscaling.jsonl"
    begin = time.time() - 200
    record(path, [40] * 10 + [120] * 30, begin=begin)
    recorder = Recorder(path)
    recorder.record(ReplicasChanged(begin - 1, "cart", 3, 3, 3, 3))
    recorder.close()
    found = compare(
        comparison(max_replicas=4),
        recording=path,
        arrivals=lambda *_: (),
        since=begin - 0.5,
        until=begin + 300,
    )
    assert found["load"] == "the requests that the autoscaler measured"
    assert found["now"]["replicas"][0][1] == found["edited"]["replicas"][0][1] == 3
    assert max(count for _, count in found["now"]["replicas"]) == 6
    assert max(count for _, count in found["edited"]["replicas"]) == 4
    assert found["sentences"][0].startswith(
        "With maximum 4 it would have had up to 4 replicas (for"
    )
    assert "instead of 6" in found["sentences"][0]


def test_without_a_load_there_is_nothing_to_repeat() -> None:
    with pytest.raises(CommandError, match="are known yet"):
        compare(comparison(), recording=HERE / "none", arrivals=lambda *_: (), since=0, until=2000)


def test_the_same_outcome_is_said() -> None:
    points = [(1000.0 + second, 20.0) for second in range(60)]
    found = compare(
        comparison(max_replicas=6),
        recording=HERE / "none",
        arrivals=lambda *_: points,
        since=1000,
        until=2000,
    )
    assert found["sentences"] == ["With maximum 6 it would have had the same number of replicas."]


def test_cpu_is_what_a_request_has_cost_here(tmp_path: Any) -> None:
    (cart,) = read_autoscalers(["manifests/components/autoscaling-cpu/hpa.yaml"])
    recorder = Recorder(tmp_path / "autoscaling.jsonl")
    recorder.record(SessionStarted(1000.0, cart, OPTIONS))
    engine = HorizontalPodAutoscaler(cart, OPTIONS)
    pod = Pod("cart-1", ready_since=0.0, started_at=0.0, requests={"app": {"cpu": 25}})
    for second in range(30):
        cpu = PodSamples({"cart-1": Sample(60, at=1000.0 + second, window=1.0)})
        seen = Observation(1000.0 + second, Scale(1, 1), [pod], [cpu])
        recorder.record(Synced(seen.at, "cart", seen, engine.sync(seen)))
    recorder.close()
    found = compare(
        Comparison(cart, cart, service="cart", sync_period=1.0, resolution=1.0),
        recording=tmp_path / "autoscaling.jsonl",
        arrivals=lambda *_: [(1000.0 + second, 20.0) for second in range(30)],
        since=1000.0,
        until=1030.0,
    )
    assert "cpu-per-request=3ms" in found["assumed"]
    assert found["sentences"] == [
        "With the same settings it would have had the same number of replicas."
    ]
