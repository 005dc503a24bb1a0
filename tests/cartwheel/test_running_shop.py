"""The running shop: status, scaling, rolling restarts, crashes and probes."""

import json
import re
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.cartwheel.supervisor_process import SupervisorProcess, command, eventually


class Caller(threading.Thread):
    """Calls the cart on its shared port until the block ends; counts responses by replica."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.responses: Counter[str] = Counter()
        self.failures: list[str] = []
        self._url = f"{url}/v1/name"
        self._stop_calling = threading.Event()

    def run(self) -> None:
        with httpx2.Client(timeout=5.0) as client:
            while not self._stop_calling.is_set():
                try:
                    response = client.get(self._url)
                    response.raise_for_status()
                    self.responses[response.json()["instance"]] += 1
                except httpx2.HTTPError as error:
                    self.failures.append(repr(error))

    def __enter__(self) -> "Caller":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_calling.set()
        self.join()


def test_the_terminal_shows_addresses_and_a_hint_in_lines_that_fit(
    shop: SupervisorProcess,
) -> None:
    assert len(re.findall(r"http://127\.0\.0\.1:\d+", shop.output)) == 2
    assert "Try next" in shop.output
    assert max(map(len, shop.output.splitlines())) <= 100
    assert "\x1b" not in shop.output


def test_status_shows_each_replica_named_like_a_pod(shop: SupervisorProcess) -> None:
    shop.scale_cart(2)
    table = shop.command("status").stdout
    assert len(re.findall(r"cart-[a-z0-9]{5}\s+Ready", table)) == 2
    assert "cart 2/2" in table
    assert "Try next" in table


def test_status_as_json_has_pid_port_and_memory_of_each_replica(shop: SupervisorProcess) -> None:
    for replica in shop.scale_cart(2):
        assert replica["state"] == "Ready"
        assert replica["pid"] > 0
        assert replica["port"] > 0
        assert replica["memory"] > 1_000_000


def test_scale_says_what_it_did(shop: SupervisorProcess) -> None:
    shop.scale_cart(1)
    done = shop.command("scale", "cart", "2")
    assert re.fullmatch(r"cart: 1 → 2, ready after \d+\.\d s\.\n", done.stdout)
    assert done.returncode == 0
    assert len(shop.endpoints()) == 2


def test_scaling_up_adds_replicas_that_answer_on_a_port_of_their_own(
    shop: SupervisorProcess,
) -> None:
    shop.scale_cart(1)
    replicas = shop.scale_cart(3)
    assert len({replica["port"] for replica in replicas}) == 3
    for replica in replicas:
        response = httpx2.get(f"http://127.0.0.1:{replica['port']}/v1/name")
        assert response.json() == {"instance": replica["replica"]}


def test_endpoints_are_written_as_prometheus_reads_them(shop: SupervisorProcess) -> None:
    replicas = shop.scale_cart(2)
    groups = json.loads((shop.state / "endpoints" / "cart.json").read_text())
    assert sorted(groups, key=str) == sorted(
        (
            {
                "targets": [f"127.0.0.1:{replica['port']}"],
                "labels": {"instance": replica["replica"]},
            }
            for replica in replicas
        ),
        key=str,
    )


def test_scaling_down_lets_a_replica_finish_what_it_has_begun(shop: SupervisorProcess) -> None:
    _, youngest = sorted(shop.scale_cart(2), key=lambda replica: -replica["age"])
    statuses: list[int] = []

    def call_slowly() -> None:
        url = f"http://127.0.0.1:{youngest['port']}/v1/name"
        statuses.append(httpx2.get(url, params={"delay": 1.5}, timeout=10).status_code)

    caller = threading.Thread(target=call_slowly)
    caller.start()
    time.sleep(0.2)  # the request is on its way
    shop.scale_cart(1)
    caller.join()
    assert statuses == [200]


def test_scaling_down_takes_the_youngest(shop: SupervisorProcess) -> None:
    eldest = shop.scale_cart(1)[0]["replica"]
    shop.scale_cart(3)
    assert [replica["replica"] for replica in shop.scale_cart(1)] == [eldest]


@pytest.mark.fault(26)
def test_no_request_is_lost_while_the_cart_scales_and_restarts(shop: SupervisorProcess) -> None:
    shop.scale_cart(2)
    with Caller(shop.service("cart")["url"]) as caller:
        shop.scale_cart(3)
        shop.scale_cart(1)
        assert shop.command("restart", "cart").returncode == 0
    assert caller.failures == []
    assert sum(caller.responses.values()) > 100


@pytest.mark.fault(26)
def test_a_rolling_restart_replaces_every_replica_and_is_never_short_of_one(
    shop: SupervisorProcess,
) -> None:
    before = {replica["replica"] for replica in shop.scale_cart(2)}
    fewest = [2]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            fewest.append(len(shop.endpoints()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    restarted = shop.command("restart", "cart")
    done.set()
    watcher.join()
    after = {replica["replica"] for replica in shop.replicas()}
    assert restarted.returncode == 0
    assert len(after) == 2
    assert not after & before
    assert min(fewest) == 2


def test_a_service_scales_in_the_middle_of_a_rolling_restart(shop: SupervisorProcess) -> None:
    shop.scale_cart(3)
    before = {replica["replica"] for replica in shop.replicas()}
    with ThreadPoolExecutor() as threads:
        restarted = threads.submit(shop.command, "restart", "cart")
        eventually(lambda: {replica["replica"] for replica in shop.replicas()} - before)
        assert shop.command("scale", "cart", "4").returncode == 0
        assert not restarted.done()
    assert restarted.result().returncode == 0
    assert len(shop.endpoints()) == 4
    assert not shop.endpoints() & before


def test_a_replica_that_is_stopped_before_it_is_ready_is_not_waited_for(
    shop: SupervisorProcess,
) -> None:
    shop.scale_cart(1)
    with ThreadPoolExecutor() as threads:
        more = threads.submit(shop.command, "scale", "cart", "4")
        eventually(lambda: len(shop.replicas()) == 4)
        shop.scale_cart(1)
        # Within its time limit, which is the one of a replica that becomes ready.
        assert more.result().returncode in (0, 1)


def test_a_crashed_replica_comes_back_under_its_name(shop: SupervisorProcess) -> None:
    victim = shop.scale_cart(2)[0]
    name = victim["replica"]
    shop.crash(name, code=7)
    assert name not in shop.endpoints()
    shop.wait_for_line(f"✗ {name} .*out of wheels")
    shop.wait_for_line(f"✗ {name} .*exited with code 7: CrashLoopBackOff")
    eventually(lambda: name in shop.endpoints())
    again = shop.cart(name)
    assert again["restarts"] == 1
    assert again["pid"] != victim["pid"]


def test_a_replica_that_keeps_crashing_waits_twice_as_long_each_time(
    shop: SupervisorProcess,
) -> None:
    shop.scale_cart(0)
    name = shop.scale_cart(1)[0]["replica"]
    for wait in ("0.5", "1", "2"):
        shop.crash(name)
        shop.wait_for_line(f"{name} .*again in {wait} s")
        assert shop.cart(name)["state"] == "CrashLoopBackOff"
        eventually(lambda: name in shop.endpoints())


@pytest.mark.fault(29)
def test_a_replica_that_answers_nothing_any_more_is_replaced(shop: SupervisorProcess) -> None:
    victim = shop.scale_cart(2)[0]
    shop.post(victim, "hang")
    shop.wait_for_line(f"{victim['replica']} .*answers nothing any more")
    eventually(lambda: victim["replica"] not in shop.endpoints() or None)
    eventually(lambda: victim["replica"] in shop.endpoints())


def test_an_unready_replica_gets_no_requests_until_it_is_ready_again(
    shop: SupervisorProcess,
) -> None:
    victim = shop.scale_cart(2)[0]
    shop.post(victim, "unready?ready=false")
    eventually(lambda: victim["replica"] not in shop.endpoints() or None)
    assert shop.cart(victim["replica"])["state"] == "NotReady"
    shop.post(victim, "unready?ready=true")
    eventually(lambda: victim["replica"] in shop.endpoints())
    shop.wait_for_line(f"{victim['replica']} .*ready again")
    assert shop.cart(victim["replica"])["pid"] == victim["pid"]


def test_an_error_a_replica_logs_is_a_line_here_and_kept_in_its_file(
    shop: SupervisorProcess,
) -> None:
    replica = shop.scale_cart(1)[0]
    shop.post(replica, "complain")
    shop.wait_for_line(f"✗ {replica['replica']} .*the wheel came off: a loose nut")
    log = shop.state / "logs" / "cart" / f"{replica['replica']}.log"
    assert "the wheel came off" in log.read_text()


def test_with_no_replica_callers_are_refused_at_once_and_later_served_again(
    shop: SupervisorProcess,
) -> None:
    shop.scale_cart(1)
    url = shop.service("cart")["url"]
    shop.scale_cart(0)
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{url}/livez")
    shop.scale_cart(1)
    assert httpx2.get(f"{url}/livez").status_code == 200


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("scale", "hats", "2"), "There is no service 'hats': choose cart, storefront"),
        (("scale", "cart", "99"), "choose 0 to 32"),
        (("scale", "cart", "--", "-1"), "choose 0 to 32"),
        (("scale", "cart", "many"), "'count'"),
        (("restart", "hats"), "There is no service 'hats'"),
        (("--fast",), "No such option: --fast"),
        (("fly",), "No such command 'fly'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    shop: SupervisorProcess, arguments: tuple[str, ...], sentence: str
) -> None:
    done = shop.command(*arguments)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_secrets_and_data_are_for_their_owner_only(shop: SupervisorProcess) -> None:
    token = shop.state / "secrets" / "cartwheel_service_tokens"
    assert token.stat().st_mode & 0o777 == 0o600
    for folder in ("secrets", "data", "logs"):
        assert (shop.state / folder).stat().st_mode & 0o777 == 0o700
    assert (shop.state / "control.sock").stat().st_mode & 0o777 == 0o600


def test_settings_are_shown_without_secrets(shop: SupervisorProcess) -> None:
    token = (shop.state / "secrets" / "cartwheel_service_tokens").read_text()
    shown = command(shop.state, "config", "cart")
    assert re.search(r"^CARTWHEEL_SERVICE_TOKENS +\*+$", shown.stdout, re.MULTILINE)
    assert token not in shown.stdout
    assert re.search(r"^CARTWHEEL_STORE_URL +sqlite:///", shown.stdout, re.MULTILINE)


def test_without_an_autoscaler_there_is_none_to_change(shop: SupervisorProcess) -> None:
    done = shop.command("autoscale", "--pause")
    assert done.returncode == 1
    assert "The autoscaler is off. To have one: " in done.stderr
