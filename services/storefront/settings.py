"""What the storefront can be told from outside."""

from typing import Annotated

from pydantic import Field

from app.settings import Seconds, ServiceSettings, ServiceTokenSettings, UpstreamUrl
from services.storefront.web.addresses import TrustedProxies


class StorefrontSettings(ServiceSettings, ServiceTokenSettings):
    """Where the neighbours are, and how the shop is reached.

    The service token lets the user service believe which address a shopper comes from.
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
    # Less than the client opens to one neighbour, so that we refuse and no connection is missed.
    events_limit: int = Field(default=200, ge=1, le=250, description="open event streams in all")
    events_per_account: int = Field(default=5, ge=1, le=100)
