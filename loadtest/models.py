"""Request and response bodies of the load generator's API."""

from pydantic import Field

from app.models import RequestModel, ResponseModel
from loadtest.settings import ScenarioName

# Forgotten load ends by itself.
MAX_SECONDS = 3600.0


class NewLoad(RequestModel):
    """The load to have from now on; without a scenario, the current one goes on."""

    rate: float = Field(ge=0, le=500, description="Requests a second; 0 ends the load.")
    scenario: ScenarioName | None = None
    seconds: float = Field(
        default=MAX_SECONDS,
        gt=0,
        le=MAX_SECONDS,
        description="How long from now, whatever was set before; by default an hour.",
    )


class Load(ResponseModel):
    """The current load, and its statistics since it began."""

    scenario: str
    rate: float
    seconds_left: float = Field(description="Until it ends by itself.")
    sent: int
    missed: int = Field(description="Due and not sent, because all shoppers waited for responses.")
    failed: int = Field(description="Sent and not answered within 10 s, or answered with 5xx.")
    p95_seconds: float | None = Field(
        description="The 95th percentile of durations, from the moment a request was due. "
        "A failed or missed request counts as 10 s. Null before the first."
    )
