"""Numbers in pages are the ones of the code, the settings and the manifests.

Each sentence is made from where its number comes from. A number that changes fails here, with the
sentence that its page has to say now; a page that is reworded needs its sentence here reworded.
"""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.client import buffers, circuit_breaker, retry_budget, transport, windowed_counts
from app.identity import jwks, tokens
from app.request import admission, context
from app.request.admission import ACCEPTED_WAIT, SHARES, Priority
from app.settings import ServiceSettings, SettingsError, load
from cartwheel.cluster.preflight import MIN_MEMORY
from cartwheel.local.settings import LocalSettings
from services.cart import clients as cart_clients
from services.cart.models import MAX_IDEMPOTENCY_KEYS, MAX_LINES, MAX_QUANTITY
from services.cart.settings import CartSettings
from services.tracking.settings import TrackingSettings
from services.user.repository.sessions import MAX_SESSIONS
from services.user.settings import UserSettings
from tests.docs.pages import ROOT, Page, all_pages
from tests.manifests.objects import NODE_MEMORY, requested
from tests.manifests.rendering import copy_manifests, render

DAY, MINUTE, MEBI = 24 * 60 * 60, 60, 1024 * 1024
WORDS = {2: "two", 3: "three", 4: "four", 5: "five", 7: "seven", 10: "ten"}


def _yaml(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text())


def _default(settings: type[Any], field: str) -> Any:
    return settings.model_fields[field].default


def _request(service: str, resource: str) -> str:
    (container,) = _yaml(f"manifests/base/{service}/deployment.yaml")["spec"]["template"]["spec"][
        "containers"
    ]
    amount: str = container["resources"]["requests"][resource]
    return amount


def _kept_from(priority: Priority) -> int:
    return round(100 * (1 - SHARES[priority]))


_hpa = _yaml("manifests/components/autoscaling-cpu/hpa.yaml")["spec"]
_keda = _yaml("manifests/components/autoscaling-requests/scaledobject.yaml")["spec"]
_kind_ports = [one["hostPort"] for one in _yaml("kind.yaml")["nodes"][0]["extraPortMappings"]]
_project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_python_image = re.findall(r"^ARG PYTHON_IMAGE=(.*)$", (ROOT / "Dockerfile.base").read_text(), re.M)
_metrics_server = (ROOT / "manifests/addons/metrics-server/kustomization.yaml").read_text()
_resolution = re.findall(r"--metric-resolution=(\d+)s", _metrics_server)[0]
_scrape = _yaml("monitoring/prometheus/prometheus.yaml")["global"]["scrape_interval"].rstrip("s")

LOW, HIGH = _hpa["minReplicas"], _hpa["maxReplicas"]
TARGET = _hpa["metrics"][0]["containerResource"]["target"]["averageUtilization"]
RATE = int(_keda["triggers"][0]["metadata"]["threshold"])
CPU, MEMORY = _request("cart", "cpu"), _request("cart", "memory")
PORTS = {name: _default(LocalSettings, f"port_{name}") for name in ("storefront", "cart")}
GUESTS = _default(UserSettings, "guests_per_address")
FAILURES = _default(UserSettings, "failed_passwords_per_address")
REGISTRATIONS = _default(UserSettings, "registrations_per_address")
ATTEMPTS = _default(UserSettings, "password_attempts_per_account")
UNUSED = _default(UserSettings, "session_unused_days")
ACCOUNT_CART = _default(CartSettings, "cart_lifetime") // DAY
GUEST_CART = _default(CartSettings, "guest_cart_lifetime") // DAY
KEY_MINUTES = _default(CartSettings, "add_key_lifetime") // MINUTE
SHARE, PER_SECOND = f"{retry_budget.RETRY_SHARE:.0%}".replace("%", " %"), 3
assert retry_budget.MIN_RETRIES_PER_SECOND == PER_SECOND

README, ARCHITECTURE = "README.md", "docs/architecture.md"
DEPLOY, SCALE = "docs/guide/2-deploy.md", "docs/guide/3-run-and-scale.md"
TROUBLE, CONNECTING = (
    "docs/guide/5-when-it-does-not-scale.md",
    "docs/decisions/0006-connecting-may-take-a-second.md",
)
CART, USER = "services/cart/README.md", "services/user/README.md"
TRACKING = "services/tracking/README.md"

FIGURES = [
    (README, f"Python {_project['requires-python'].replace('>=', '≥ ')}"),
    (README, f"the shop on http://127.0.0.1:{PORTS['storefront']}"),
    (README, f"`curl 127.0.0.1:{PORTS['cart']}/metrics`"),
    (README, f"on http://127.0.0.1:{_kind_ports[0]}, Grafana on http://127.0.0.1:{_kind_ports[1]}"),
    (README, f"Docker ({MIN_MEMORY // (1024 * MEBI)} GiB of memory)"),
    (README, f"watch it scale, {LOW} → {HIGH}"),
    (
        ARCHITECTURE,
        f"between {_default(ServiceSettings, 'min_in_flight')} "
        f"and {_default(ServiceSettings, 'max_in_flight')}",
    ),
    (ARCHITECTURE, f"as the concurrency limit says, {admission.INITIAL_LIMIT} at first"),
    (ARCHITECTURE, f"if it cannot expect a slot within {ACCEPTED_WAIT:g} s"),
    (ARCHITECTURE, f"The last {_kept_from(Priority.NORMAL)} % of them are kept for checkout"),
    (ARCHITECTURE, f"the last {_kept_from(Priority.LOW)} % are kept from browsing"),
    (ARCHITECTURE, f"A request with less than {context.MIN_BUDGET_MS} ms left is rejected"),
    (ARCHITECTURE, f"waits in the queue for up to {_default(ServiceSettings, 'queue_timeout')} s"),
    (ARCHITECTURE, f"a retry budget of {SHARE} of the calls, or {PER_SECOND} a second"),
    (ARCHITECTURE, f"opens for {WORDS[int(circuit_breaker.OPEN_SECONDS)]} seconds"),
    (
        ARCHITECTURE,
        f"If half of at least {circuit_breaker.MIN_CALLS} calls to an upstream within "
        f"{WORDS[int(windowed_counts.WINDOW_SECONDS)]} seconds fail",
    ),
    (ARCHITECTURE, f"older than {jwks.FRESH_SECONDS:.0f} s"),
    (ARCHITECTURE, f"A response may have {buffers.MAX_RESPONSE_BYTES // MEBI} MiB"),
    (ARCHITECTURE, f"from one upstream {buffers.MAX_BUFFERED_BYTES // MEBI} MiB"),
    (ARCHITECTURE, f"{GUESTS} a minute per address, {GUESTS * 10} at once"),
    (ARCHITECTURE, f"a session of {UNUSED} days"),
    (ARCHITECTURE, f"{REGISTRATIONS} registrations a minute per address; {MAX_SESSIONS} sessions"),
    (
        ARCHITECTURE,
        f"one per subject, {MAX_LINES} lines; a guest's expires after {GUEST_CART} idle",
    ),
    (ARCHITECTURE, f"an account's after {ACCOUNT_CART}"),
    (ARCHITECTURE, f"the latest {MAX_IDEMPOTENCY_KEYS} of a subject, for {KEY_MINUTES} minutes"),
    (ARCHITECTURE, f"{tokens.MAX_VERIFIED:,} verified tokens"),
    (ARCHITECTURE, f"cart: {cart_clients.MAX_PRODUCTS:,} cached SKU lookups"),
    (ARCHITECTURE, f"The cart runs {WORDS[LOW]} to {WORDS[HIGH]} replicas"),
    ("docs/guide/1-containerise.md", f"to pull `{_python_image[0]}`"),
    (DEPLOY, f"{FAILURES} wrong passwords and {GUESTS} new guests a minute"),
    (SCALE, f"| target per replica | {TARGET} % of {CPU} | {RATE} requests a second |"),
    (SCALE, f"two samples of metrics-server (one every {_resolution} s)"),
    (SCALE, f"two scrapes (one every {_scrape} s)"),
    (SCALE, f"from {LOW} to {HIGH} in one step"),
    (SCALE, f"a target of {TARGET} %: ⌈2 × 67 / {TARGET}⌉ = 3"),
    (TROUBLE, f"after {WORDS[_keda['fallback']['failureThreshold']]} failed queries"),
    (TROUBLE, f"but is at least {WORDS[_keda['fallback']['replicas']]}"),
    (TROUBLE, f"`behavior: {_keda['fallback']['behavior']}`"),
    (TROUBLE, f"over their target of {5 * RATE}"),
    (TROUBLE, f"⌈103 / {RATE}⌉ = 6"),
    (TROUBLE, f"One replica too many, for {CPU} of CPU"),
    (TROUBLE, f"each further cart {CPU} and {MEMORY}"),
    (CONNECTING, f"`CONNECT_TIMEOUT` is {transport.CONNECT_TIMEOUT:g} s"),
    (CART, f"at most {MAX_QUANTITY} pieces and a cart {MAX_LINES} lines"),
    (CART, f"latest {MAX_IDEMPOTENCY_KEYS} keys, for {KEY_MINUTES} minutes"),
    (USER, f"valid for {_default(UserSettings, 'access_token_seconds') // MINUTE} minutes"),
    (USER, f"{ATTEMPTS} attempts for an account; {FAILURES} failed passwords, {REGISTRATIONS} reg"),
    (USER, f"{GUESTS} new guests (bursts of {GUESTS * 10})"),
    (USER, f"of more than {MAX_SESSIONS} sessions of one account"),
    (TRACKING, f"have not moved for {_default(TrackingSettings, 'stall_seconds'):g} s"),
    (TRACKING, f"after {_default(TrackingSettings, 'give_up_seconds') // MINUTE:g} minutes"),
]


def _flat(page: str) -> str:
    return " ".join((ROOT / page).read_text().split())


@pytest.mark.parametrize(("page", "sentence"), FIGURES, ids=[f"{p}: {s}" for p, s in FIGURES])
def test_a_page_says_the_number_that_is_true(page: str, sentence: str) -> None:
    assert sentence in _flat(page), f"{page} should say: {sentence}"


def test_the_guide_names_what_all_pods_request(tmp_path: Path) -> None:
    copy_manifests(tmp_path)
    cpu, memory = requested(render(tmp_path, "kind"))
    left = NODE_MEMORY - memory
    assert f"with two carts requests {cpu}m of CPU and {memory}Mi" in _flat(TROUBLE)
    assert f"asks for at most {NODE_MEMORY:,}Mi, and {left}Mi are left" in _flat(
        "docs/guide/4-add-your-own-service.md"
    )


def test_the_guide_shows_what_wrong_settings_lead_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTWHEEL_STORE_URL", "mysql://x")
    with pytest.raises(SettingsError) as error:
        load(CartSettings)
    shown = (ROOT / "docs/guide/1-containerise.md").read_text()
    assert "\n".join(error.value.problems) in shown


@pytest.mark.parametrize(
    ("page", "text", "source"),
    [
        (DEPLOY, "Try next: make deploy, or skaffold dev", "cartwheel/cluster/__main__.py"),
        (DEPLOY, "Load: make load", "cartwheel/cluster/__main__.py"),
        (DEPLOY, "a new replica of the cart serves after", "loadtest/acceptance.py"),
        (SCALE, "requests failed p50 p95 p99", "loadtest/table.py"),
        (SCALE, "together", "loadtest/table.py"),
        (SCALE, "seconds_left", "loadtest/models.py"),
        (SCALE, "p95_seconds", "loadtest/models.py"),
    ],
)
def test_outputs_in_the_guide_have_the_words_of_the_program(
    page: str, text: str, source: str
) -> None:
    program = (ROOT / source).read_text()
    assert text in _flat(page)
    assert all(word in program for word in ([text] if text in program else text.split()))


def test_the_guide_shows_the_dockerfile_of_the_cart() -> None:
    page = Page("", (ROOT / "docs/guide/1-containerise.md").read_text())
    (shown,) = [block.text for block in page.blocks if block.language == "dockerfile"]
    assert shown == "# services/cart/Dockerfile\n" + (
        (ROOT / "services/cart/Dockerfile").read_text()
    )


@pytest.mark.parametrize(
    ("folder", "index"), [("docs/decisions", "0*.md"), ("docs/guide", "[0-9]*.md")]
)
def test_an_index_has_every_page_of_its_folder(folder: str, index: str) -> None:
    links = {link.text for page in all_pages() if str(page.folder) == folder for link in page.links}
    assert {file.name for file in (ROOT / folder).glob(index)} <= links
