"""The shop that faults act on."""

import os
import signal
from pathlib import Path

import pytest

from cartwheel.chaos import shop as module
from cartwheel.chaos.shop import Shop, find_shop, open_shop, own_shop
from cartwheel.errors import CommandError
from cartwheel.local.state_folder import StateFolder
from tests.cartwheel.supervisor_process import running


def test_a_shop_that_cannot_start_says_why() -> None:
    with (
        pytest.raises(CommandError, match=r"The shop does not start: .*CARTWHEEL_STAFF_EMAIL"),
        own_shop(settings={"CARTWHEEL_STAFF_EMAIL": "nobody"}),
    ):
        pass


def test_the_running_shop_is_used_and_goes_on(tmp_path: Path) -> None:
    state = StateFolder.at(tmp_path / "state")
    assert find_shop(state) is None
    with running(state.root, output=tmp_path / "output") as supervisor:
        supervisor.ready()
        with open_shop(state) as shop:
            assert not shop.is_own
            assert shop.url == supervisor.service("storefront")["url"]
        assert find_shop(state) == shop


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_block_so_that_what_was_started_is_stopped(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = StateFolder.at(tmp_path)
    shop = Shop(state, "http://127.0.0.1:1", "sqlite", is_own=False, has_chaos=False)
    monkeypatch.setattr(module, "find_shop", lambda _: shop)
    before = signal.getsignal(number)

    def be_ended() -> None:
        with open_shop(state):
            os.kill(os.getpid(), number)

    with pytest.raises(SystemExit) as caught:
        be_ended()
    assert caught.value.code == 128 + number
    assert signal.getsignal(number) == before
