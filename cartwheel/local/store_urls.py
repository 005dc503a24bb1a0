"""The URLs of the stores: of a SQLite file, or of a server of this run."""

from collections.abc import Mapping
from typing import Any

from cartwheel.local.sockets import OWN_HOST
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.topology import SHOP, ServiceSpec

POSTGRES_USER = "postgres"
VALKEY_PASSWORD, POSTGRES_PASSWORD = "valkey_password", "postgres_password"
"""Names of secrets in the state folder."""


def sqlite_url(spec: ServiceSpec, state: StateFolder) -> str:
    """The URL of a service's SQLite file."""
    return f"sqlite:///{state.data / spec.name}.sqlite3"


def valkey_url(state: StateFolder, *, port: int) -> str:
    return f"valkey://:{state.secret(VALKEY_PASSWORD)}@{OWN_HOST}:{port}"


def postgres_url(state: StateFolder, database: str, *, port: int) -> str:
    password = state.secret(POSTGRES_PASSWORD)
    return f"postgresql://{POSTGRES_USER}:{password}@{OWN_HOST}:{port}/{database}"


def running_store_urls(state: StateFolder, status: Mapping[str, Any]) -> dict[str, str]:
    """The stores of a shop that runs now, by service; ``status`` is the one it reports."""
    specs = [spec for spec in SHOP if spec.store]
    if status["stores"] == "sqlite":
        return {spec.name: sqlite_url(spec, state) for spec in specs}
    ports = {server["service"]: server["port"] for server in status["servers"]}
    return {
        spec.name: valkey_url(state, port=ports["valkey"])
        if spec.store == "valkey"
        else postgres_url(state, spec.name, port=ports["postgres"])
        for spec in specs
    }
