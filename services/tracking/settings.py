"""The settings of tracking: environment variables with the prefix ``CARTWHEEL_``."""

from typing import Annotated

from pydantic import Field

from app.settings import Seconds, ServiceSettings, ServiceTokenSettings, UpstreamUrl, store_url
from services.tracking.crash_points import KillPoint
from services.tracking.models import Currency, PaymentMode

OrderStoreUrl = Annotated[str, store_url("sqlite", "postgresql")]


class TrackingSettings(ServiceSettings, ServiceTokenSettings):
    """Times are in seconds."""

    store_url: OrderStoreUrl = "sqlite:///tracking.sqlite3"
    products_url: UpstreamUrl = "http://127.0.0.1:8101"
    cart_url: UpstreamUrl = "http://127.0.0.1:8102"
    user_url: UpstreamUrl = "http://127.0.0.1:8103"
    token_issuer: str = "cartwheel"
    token_audience: str = "cartwheel"
    currency: Currency = "EUR"

    checkout_patience: Seconds = 4.0
    checkout_limit: int = Field(default=500, ge=1, le=10_000)
    stall_seconds: Seconds = 60.0
    sweep_seconds: Seconds = 2.0
    retry_seconds: Seconds = 5.0
    give_up_seconds: Seconds = 300.0

    deletions_seconds: Seconds = 10.0

    payment_mode: PaymentMode = "succeed"
    payment_delay: Seconds = 1.5
    payment_timeout: Seconds = 2.0

    courier_step_seconds: Seconds = 4.0
    courier_rounds_seconds: Seconds = 0.5

    events_poll_seconds: Seconds = 0.5
    events_heartbeat_seconds: Seconds = 10.0
    events_longest_seconds: Seconds = 600.0
    events_per_shopper: int = Field(default=5, ge=1, le=100)
    events_limit: int = Field(default=1000, ge=1, le=100_000)

    kill_point: KillPoint | None = Field(
        default=None, description="for tests of crashes: where this process kills itself"
    )
