"""What a fault session does to the stores of a running shop, and that it is undone."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Timer

import psutil
import pytest

from cartwheel.errors import CommandError
from cartwheel.local.faults.client import FaultSession, open_fault_session
from cartwheel.local.faults.effects import Effect, HoldStore, Kill, Stop, StoreSetting
from cartwheel.local.faults.store_settings import TIMEOUT
from cartwheel.local.state_folder import StateFolder
from tests.cartwheel.supervisor_process import eventually
from tests.support.shop import SKU
from tests.system.shop import RunningShop, shop_up

pytestmark = pytest.mark.xdist_group("store effects")

LINE = {"sku": SKU, "quantity": 1}
WITHIN = 20.0


@pytest.fixture(scope="module")
def shop() -> Iterator[RunningShop]:
    with shop_up(stores="real") as shop:
        yield shop


@contextmanager
def faults_of(shop: RunningShop) -> Iterator[FaultSession]:
    with open_fault_session(StateFolder.at(shop.run.state), "a test") as session:
        yield session


def add(shop: RunningShop) -> int:
    response = shop.request("cart", "POST", "/v1/cart/items", headers=shop.known_guest, json=LINE)
    return response.status_code


def new_guest(shop: RunningShop) -> int:
    return shop.request("user", "POST", "/v1/guests").status_code


def state_of_postgres(shop: RunningShop) -> str:
    return next(
        one["state"] for one in shop.run.status()["servers"] if one["replica"] == "postgres"
    )


def store(shop: RunningShop, name: str) -> psutil.Process:
    pid = next(one["pid"] for one in shop.run.status()["servers"] if one["replica"] == name)
    return psutil.Process(pid)


@pytest.mark.fault(5, store="valkey")
def test_a_full_valkey_refuses_adds_until_it_has_room_again(shop: RunningShop) -> None:
    assert add(shop) == 200
    with faults_of(shop) as faults:
        faults.inject(StoreSetting("valkey", "maxmemory", 1))
        assert add(shop) == 503
        assert shop.request("cart", "GET", "/v1/cart", headers=shop.known_guest).is_success
    assert add(shop) == 200


def test_a_setting_of_postgres_is_taken_back_even_if_it_was_killed_meanwhile(
    shop: RunningShop,
) -> None:
    settings = StateFolder.at(shop.run.state).postgres_settings
    with faults_of(shop) as faults:
        faults.inject(StoreSetting("postgres", "default_transaction_read_only", "on"))
        eventually(lambda: new_guest(shop) == 503, within=WITHIN)
        faults.inject(Kill("postgres"))
    assert "read_only" not in settings.read_text()
    eventually(lambda: new_guest(shop) == 201, within=WITHIN)


@pytest.mark.fault(13, store="postgres")
def test_locked_tables_are_free_again_when_the_effect_is_undone(shop: RunningShop) -> None:
    with faults_of(shop) as faults:
        effect_id = faults.inject(HoldStore("user", "lock"))
        assert new_guest(shop) == 503
        faults.undo(effect_id)
        eventually(lambda: new_guest(shop) == 201, within=WITHIN)


def test_locked_tables_are_free_again_although_postgres_is_stopped(shop: RunningShop) -> None:
    with faults_of(shop) as faults:
        lock, stop = faults.inject(HoldStore("user")), faults.inject(Stop("postgres"))
        faults.undo(lock)
        faults.undo(stop)
        eventually(lambda: new_guest(shop) == 201, within=WITHIN)


def test_a_lock_that_ended_with_postgres_is_undone_without_an_error(shop: RunningShop) -> None:
    with faults_of(shop) as faults:
        lock = faults.inject(HoldStore("user"))
        faults.inject(Kill("postgres"))
        eventually(lambda: not shop.run.status()["faults"][0]["acts"], within=WITHIN)
        faults.undo(lock)
    eventually(lambda: new_guest(shop) == 201, within=WITHIN)


def test_a_setting_is_taken_back_as_soon_as_a_valkey_that_hangs_goes_on(shop: RunningShop) -> None:
    valkey = store(shop, "valkey")
    with faults_of(shop) as faults:
        effect_id = faults.inject(StoreSetting("valkey", "maxmemory", 1))
        valkey.suspend()
        going_on = Timer(TIMEOUT + 1.0, valkey.resume)
        going_on.start()
        faults.undo(effect_id)
        going_on.join()
        assert not shop.run.status()["faults"]
    assert add(shop) == 200


def test_a_setting_has_one_other_value_at_a_time(shop: RunningShop) -> None:
    with faults_of(shop) as faults:
        faults.inject(StoreSetting("valkey", "maxmemory", 1))
        with pytest.raises(CommandError, match=r"undo fault \d+ first \(maxmemory set to 1\)"):
            faults.inject(StoreSetting("valkey", "maxmemory", 2))
    assert add(shop) == 200


def test_a_lock_that_another_holds_and_a_store_that_is_down_are_refused_in_one_line(
    shop: RunningShop,
) -> None:
    with faults_of(shop) as faults:
        faults.inject(HoldStore("user"))
        with pytest.raises(CommandError, match=r"undo fault \d+ first \(lock held\)"):
            faults.inject(HoldStore("user"))
        faults.inject(Kill("postgres"))
        with pytest.raises(CommandError, match=r"^The store cannot be held \("):
            faults.inject(HoldStore("tracking"))
    eventually(lambda: new_guest(shop) == 201, within=WITHIN)
    assert "internal error" not in shop.run.output


@pytest.mark.fault(10, store="postgres")
def test_a_postgres_without_a_free_connection_is_not_ready_until_there_is_one(
    shop: RunningShop,
) -> None:
    with faults_of(shop) as faults:
        faults.inject(HoldStore("user", "connections"))
        eventually(lambda: state_of_postgres(shop) == "NotReady", within=WITHIN)
    eventually(lambda: state_of_postgres(shop) == "Ready", within=WITHIN)
    eventually(lambda: new_guest(shop) == 201, within=WITHIN)


@pytest.mark.parametrize(
    ("effect", "message"),
    [
        (StoreSetting("valkey", "rust", 1), "Valkey has no setting 'rust'."),
        (StoreSetting("postgres", "rust", 1), "Postgres refuses this setting"),
        (HoldStore("cart"), "has no lock that can be held"),
    ],
)
def test_what_a_store_cannot_do_is_refused_in_one_line(
    shop: RunningShop, effect: Effect, message: str
) -> None:
    with faults_of(shop) as faults, pytest.raises(CommandError, match=message) as refused:
        faults.inject(effect)
    assert "\n" not in str(refused.value)


def test_a_stopped_postgres_stops_with_all_its_processes_and_goes_on(shop: RunningShop) -> None:
    assert new_guest(shop) == 201
    postgres = store(shop, "postgres")
    with faults_of(shop) as faults:
        faults.inject(Stop("postgres"))
        family = [postgres, *postgres.children(recursive=True)]
        assert len(family) > 3
        assert all(one.status() == psutil.STATUS_STOPPED for one in family)
    eventually(lambda: new_guest(shop) == 201, within=WITHIN)


def test_no_process_of_a_stopped_postgres_outlives_a_supervisor_that_is_killed() -> None:
    with shop_up(stores="real") as shop, faults_of(shop) as faults:
        postgres = store(shop, "postgres")
        faults.inject(Stop("postgres"))
        family = [postgres, *postgres.children(recursive=True)]
        os.kill(shop.run.process.pid, signal.SIGKILL)
        eventually(lambda: not any(one.is_running() for one in family), within=WITHIN)
