"""Settings of the local run: from the environment, overridden by flags."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.settings import Seconds, SettingsError, load
from cartwheel.errors import UsageError

Port = Annotated[int, Field(ge=0, le=65535)]
AUTOSCALERS = ("cpu", "requests", "off")


def _check_autoscale(value: str) -> str:
    if value not in AUTOSCALERS and not value.endswith((".yaml", ".yml")):
        raise ValueError(f"is not {', '.join(AUTOSCALERS)} or an autoscaler's .yaml file")
    return value


Autoscale = Annotated[str, AfterValidator(_check_autoscale)]


class LocalSettings(BaseSettings):
    """Settings of `cartwheel up`. A port of 0 lets the kernel choose."""

    model_config = SettingsConfigDict(env_prefix="CARTWHEEL_", frozen=True, extra="ignore")

    state_dir: Path = Path(".cartwheel")
    host: str = Field(default="127.0.0.1", min_length=1)
    stores: Literal["sqlite", "real"] = "sqlite"
    # cpu, requests, off, or the file of an autoscaler. Arrivals say the same on every machine;
    # the CPU that they cost does not, and all replicas share it with what else runs here.
    autoscale: Autoscale = "requests"
    # Seconds between two decisions, and between two samples of each replica. As in kind.yaml and
    # faster than metrics-server and Prometheus can: no sample costs the load of a cluster here.
    autoscale_sync_period: Seconds = 1.0
    autoscale_resolution: Seconds = 1.0
    # On Linux, replicas are forked from a process that has imported their code.
    warm_start: bool = True
    # What some faults need: a proxy on each connection, and an event loop that can be blocked.
    chaos: bool = False
    # For who starts a shop to look at it. Programs that start one for themselves turn it off.
    console: bool = True
    port_console: Port = 8090
    port_storefront: Port = 8080
    port_products: Port = 8101
    port_cart: Port = 8102
    port_user: Port = 8103
    port_tracking: Port = 8104

    def port_of(self, service: str) -> int:
        """The port on which a service is reached."""
        port: int = getattr(self, f"port_{service}")
        return port


def load_local_settings(**flags: Any) -> LocalSettings:
    """Read the settings; a flag of None was not given. Raises `UsageError`."""
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return load(LocalSettings, **given)
    except SettingsError as error:
        raise UsageError("\n".join(error.problems)) from None
