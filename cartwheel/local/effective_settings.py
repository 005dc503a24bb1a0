"""The settings of a service in the local run, as the service itself reads them."""

import importlib
import os

from app.settings import ServiceSettings, SettingsError, describe, load
from cartwheel.errors import UsageError
from cartwheel.local.service_environment import service_environment
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.store_urls import sqlite_url
from cartwheel.local.topology import ServiceSpec

STORE_URL = "CARTWHEEL_STORE_URL"


def effective_settings(
    spec: ServiceSpec, settings: LocalSettings, state: StateFolder
) -> dict[str, str]:
    """The values by variable name, secrets hidden. Raises `UsageError`."""
    state.prepare()
    store_url = sqlite_url(spec, state) if spec.store else None
    # This process reads them once and ends, so it may change its own environment.
    os.environ.update(service_environment(spec, settings, state, store_url))
    try:
        values = describe(load(_settings_class(spec)))
    except SettingsError as error:
        raise UsageError("\n".join(error.problems)) from None
    if spec.store and settings.stores == "real":
        values[STORE_URL] = f"(a {spec.store} of our own; its port is chosen at the start)"
    return values


def _settings_class(spec: ServiceSpec) -> type[ServiceSettings]:
    # By name, as the server loads a service's factory: the tool imports no service.
    name = f"{spec.package}.settings"
    for member in vars(importlib.import_module(name)).values():
        if not isinstance(member, type) or member.__module__ != name:
            continue
        if issubclass(member, ServiceSettings):
            return member
    raise LookupError(f"{name} defines no ServiceSettings")
