"""The settings of the user service. See `app.settings` for those of every service."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationError, model_validator

from app.settings import ServiceSettings, ServiceTokenSettings, store_url
from services.user.models import Registration

STAFF_NAME = "Staff"

PerMinute = Annotated[int, Field(ge=1, le=60_000)]
Days = Annotated[int, Field(ge=1, le=3650)]


class UserSettings(ServiceSettings, ServiceTokenSettings):
    """``X-Forwarded-For`` is trusted from callers with a service token."""

    store_url: Annotated[str, store_url("sqlite", "postgresql")]

    token_issuer: str = Field(default="cartwheel", min_length=1, max_length=100)
    token_audience: str = Field(default="cartwheel", min_length=1, max_length=100)
    access_token_seconds: int = Field(default=900, ge=30, le=900)
    session_unused_days: Days = 30
    session_longest_days: Days = 180

    password_attempts_per_account: PerMinute = 5
    failed_passwords_per_address: PerMinute = 30
    registrations_per_address: PerMinute = 30
    # Each guest costs a row for a month and may fill a cart. The burst is ten times as many: a
    # whole company has one address, and so has a load generator with its 512 shoppers.
    guests_per_address: PerMinute = 60
    longest_password_line: int = Field(default=32, ge=0, le=1000)

    staff_email: str | None = None
    staff_password: SecretStr | None = None

    @model_validator(mode="after")
    def _check_staff(self) -> Self:
        if (self.staff_email is None) != (self.staff_password is None):
            raise ValueError(
                "CARTWHEEL_STAFF_EMAIL, CARTWHEEL_STAFF_PASSWORD: set both of them or none"
            )
        try:
            self.staff()
        except ValidationError as error:
            reasons = [f"{detail['loc'][0]}: {detail['msg']}" for detail in error.errors()]
            raise ValueError(
                "CARTWHEEL_STAFF_EMAIL, CARTWHEEL_STAFF_PASSWORD: " + "; ".join(reasons)
            ) from None
        return self

    def staff(self) -> Registration | None:
        """The configured staff account."""
        if self.staff_email is None or self.staff_password is None:
            return None
        return Registration(
            email=self.staff_email,
            password=self.staff_password.get_secret_value(),
            name=STAFF_NAME,
        )
