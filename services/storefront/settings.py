"""What the storefront can be told from outside."""

from typing import Annotated

from pydantic import Field

from app.settings import ServiceSettings, UpstreamUrl


class StorefrontSettings(ServiceSettings):
    """Where the neighbours are, and how the shop is reached."""

    products_url: UpstreamUrl
    cart_url: UpstreamUrl
    user_url: UpstreamUrl
    tracking_url: UpstreamUrl

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
    browse_timeout: Annotated[
        float, Field(gt=0, le=30, description="Seconds a page waits for its parts.")
    ] = 2.5
    checkout_timeout: Annotated[
        float, Field(gt=0, le=60, description="Seconds a checkout may take.")
    ] = 5.0
