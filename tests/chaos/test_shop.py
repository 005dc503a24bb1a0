"""The shop that faults act on."""

from pathlib import Path

import pytest

from cartwheel.chaos.shop import find_shop, open_shop, own_shop
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
