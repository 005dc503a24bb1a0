"""The settings of the storefront."""

from typing import Annotated

from pydantic import Field

from app.settings import Seconds, ServiceSettings, ServiceTokenSettings, UpstreamUrl
from services.storefront.web.forwarded_for import TrustedProxies


class StorefrontSettings(ServiceSettings, ServiceTokenSettings):
    """Where the upstreams are, and how the shop is reached.

    With the service token the user service trusts the client addresses that the storefront sends.
    """

    products_url: UpstreamUrl = "http://127.0.0.1:8101"
    cart_url: UpstreamUrl = "http://127.0.0.1:8102"
    user_url: UpstreamUrl = "http://127.0.0.1:8103"
    tracking_url: UpstreamUrl = "http://127.0.0.1:8104"

    https: Annotated[
        bool, Field(description="Shoppers come over https: cookies are Secure, HSTS is sent.")
    ] = False
    public_origin: Annotated[
        str | None,
        Field(
            pattern=r"^https?://[^/\s]+$",
            description="The origin shoppers see, where a proxy in front changes the Host header.",
        ),
    ] = None
    trusted_proxies: Annotated[
        TrustedProxies,
        Field(
            description="Networks of the proxies in front, whose X-Forwarded-For says where a "
            "shopper connects from. None: nobody's is believed."
        ),
    ] = ()
    browse_timeout: Seconds = Field(default=2.5, description="how long a page waits for its parts")
    checkout_timeout: Seconds = Field(default=5.0, description="how long a checkout may take")
    # Less than the client opens to one upstream, so that connections never run out.
    events_limit: int = Field(default=200, ge=1, le=250, description="open event streams in all")
    events_per_account: int = Field(default=5, ge=1, le=100)
