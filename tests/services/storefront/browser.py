"""What a browser without JavaScript does: follow links, fill in forms, keep cookies."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx2

PAGE_HEADERS = {"accept": "text/html,application/xhtml+xml", "sec-fetch-site": "same-origin"}
EMAIL = "ann@example.com"
PASSWORD = "a wheel within a wheel"
ADDRESS = {
    "name": "Ann",
    "line1": "Hub Street 1",
    "line2": "",
    "postal_code": "12345",
    "city": "Rimville",
    "country": "DE",
}


@dataclass
class PostedForm:
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class _Reader(HTMLParser):
    """The forms and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PostedForm] = []
        self.text: list[str] = []
        self._form: PostedForm | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = PostedForm(given.get("action", ""))
            self.forms.append(self._form)
        if tag in ("input", "select") and self._form is not None:
            self._form.fields[given.get("name", "")] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        self.text.append(data)


class Page:
    """A page as it arrived."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.html = response.text
        self.path = response.url.path
        self.url = response.url.raw_path.decode()
        self._reader = _Reader()
        self._reader.feed(self.html)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._reader.text).split())

    def form(self, action: str) -> PostedForm:
        """The form with that action; fails if the page has none."""
        return next(one for one in self._reader.forms if one.action == action)

    def has_form(self, action: str) -> bool:
        return any(one.action == action for one in self._reader.forms)


class Browser:
    """Somebody's browser."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def open(self, path: str, *, follow: bool = True) -> Page:
        response = await self.client.get(path, headers=PAGE_HEADERS, follow_redirects=follow)
        return Page(response)

    async def submit(self, page: Page, action: str, *, follow: bool = True, **typed: str) -> Page:
        """Send the page's form with what was typed over what it had."""
        form = page.form(action)
        response = await self.client.post(
            form.action, data=form.fields | typed, headers=PAGE_HEADERS, follow_redirects=follow
        )
        return Page(response)

    async def add(self, sku: str, quantity: int = 1) -> Page:
        page = await self.open(f"/products/{sku}")
        return await self.submit(page, "/cart/items", quantity=str(quantity))

    async def change(self, page: Page, **typed: str) -> Page:
        """Type quantities into the cart's page and press a button of it: `BIKE_1="3"`."""
        fields = {
            f"quantity-{name.replace('_', '-')}" if name.isupper() else name: value
            for name, value in typed.items()
        }
        return await self.submit(page, "/cart", **fields)

    async def register(self, email: str = EMAIL, *, path: str = "/register") -> Page:
        page = await self.open(path)
        return await self.submit(page, "/register", name="Ann", email=email, password=PASSWORD)

    async def log_in(self, email: str = EMAIL, *, path: str = "/login") -> Page:
        page = await self.open(path)
        return await self.submit(page, "/login", email=email, password=PASSWORD)

    async def order(self, **typed: str) -> Page:
        page = await self.open("/checkout")
        return await self.submit(page, "/checkout", **(ADDRESS | typed))
