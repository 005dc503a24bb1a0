"""Each service is built in the same way, so a test or a reader knows it for all of them."""

import inspect
from importlib import import_module

import pytest

from tests.support.shop import SERVICES

REPLACED_BY_TESTS = ("transports", "clock")
"""What `build` takes besides the settings, in this order; a service has what it needs of it."""


@pytest.mark.parametrize("service", SERVICES)
def test_create_takes_nothing_and_build_takes_settings(service: str) -> None:
    main = import_module(f"services.{service}.main")
    assert not inspect.signature(main.create).parameters
    settings, *others = inspect.signature(main.build).parameters.values()
    assert settings.name == "settings"
    assert all(other.kind is other.KEYWORD_ONLY for other in others)
    assert all(other.default is not other.empty for other in others)
    names = [other.name for other in others]
    assert names == [name for name in REPLACED_BY_TESTS if name in names]
