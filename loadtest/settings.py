"""Settings of the load generator; see `app.settings` for those of every service."""

from typing import Literal

from pydantic import Field

from app.settings import ServiceSettings

ScenarioName = Literal["browse", "cart-add", "checkout", "mixed"]


class LoadSettings(ServiceSettings):
    """`CARTWHEEL_LOAD_RATE` is the rate at the start; 0 sends nothing until a load is set."""

    load_target: str = Field(default="http://127.0.0.1:8080", pattern=r"^http://[^/]+$")
    load_scenario: ScenarioName = "cart-add"
    load_rate: float = Field(default=0, ge=0, le=500)
    load_shoppers: int = Field(default=64, ge=1, le=512)
