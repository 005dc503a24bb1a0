"""Reading a posted form, if it was on a page of this shop."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from starlette.requests import Request

from app.client import UpstreamError
from app.errors import Forbidden
from app.telemetry.logs import get_logger
from services.storefront.view_models.form import Form
from services.storefront.visit.form_token import FormToken
from services.storefront.visit.session import Session
from services.storefront.web.form_body import MAX_FIELDS, read_form_body
from services.storefront.web.form_origin import is_from_own_page, names_its_page


class StaleForm(Forbidden):
    """A form without the browser's form token, or from a page of another site.

    ``typed`` is what it holds, so that its page can show it again. It is empty unless the browser
    says that the form was on a page of this shop: another site may not fill in the shop's forms.
    ``again`` is the page to load again.
    """

    type = "stale-form"
    title = "This form went stale."

    def __init__(self, typed: Mapping[str, str] | None = None, *, again: str = "") -> None:
        more: dict[str, Any] = {"again": again} if again else {}
        super().__init__(
            "The form is not from a page of this shop, or too old. Load it again.", **more
        )
        self.typed = typed or {}

    def leading_to(self, path: str) -> "StaleForm":
        return StaleForm(self.typed, again=path)


class PostedForms:
    def __init__(
        self,
        request: Request,
        *,
        form_token: FormToken,
        session: Session,
        public_origin: str | None,
    ) -> None:
        self._request = request
        self._form_token = form_token
        self._session = session
        self._public_origin = public_origin

    async def read(self, *, max_fields: int = MAX_FIELDS) -> Mapping[str, str]:
        """The fields of the posted form. Raises `StaleForm`.

        Refreshes the session before anything is done, as the browser can still send the form
        again: raises `RefreshedElsewhere`.
        """
        headers = self._request.headers
        if not is_from_own_page(headers, public_origin=self._public_origin):
            self._log_foreign_page()
            raise StaleForm
        fields = await read_form_body(self._request, max_fields=max_fields)
        if not self._form_token.matches(fields.get("form_token", "")):
            raise StaleForm(fields if names_its_page(headers) else None)
        with suppress(UpstreamError):
            await self._session.bearer()
        return fields

    async def read_or_stale(self, *, stale_advice: str) -> Form:
        """The form for its page; a stale one has its problem and this advice.

        Raises `StaleForm` if there is nothing to show again.
        """
        try:
            return Form(await self.read())
        except StaleForm as stale:
            if not stale.typed:
                raise
            return Form(stale.typed, problem=stale.title, advice=stale_advice, status=stale.status)

    def _log_foreign_page(self) -> None:
        """With what was compared: behind a proxy that changes the host it is our own page."""
        headers = self._request.headers
        get_logger().warning(
            "form.from_another_site",
            origin=headers.get("origin"),
            site=headers.get("sec-fetch-site"),
            host=headers.get("host"),
            public_origin=self._public_origin,
            hint="CARTWHEEL_PUBLIC_ORIGIN has to be the origin that shoppers see",
        )
