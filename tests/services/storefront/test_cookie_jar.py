"""The cookies of one request and its response."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from services.storefront.web.cookie_values import pack_texts, unpack_texts
from services.storefront.web.cookies import CookieJar, Cookies


def jar_of(cookies: str = "", *, https: bool = False) -> CookieJar:
    headers = [(b"cookie", cookies.encode())] if cookies else []
    return CookieJar(Request({"type": "http", "headers": headers}), Cookies(https=https))


def set_cookies(jar: CookieJar) -> list[str]:
    return jar.add_to(Response()).headers.getlist("set-cookie")


def test_a_value_that_was_written_is_not_the_one_received() -> None:
    jar = jar_of("cartwheel_form=old")
    jar.write("form", "new", max_age=60)
    assert jar.received("form") == "old"


def test_what_was_written_last_counts() -> None:
    jar = jar_of()
    jar.write("form", "one", max_age=60)
    jar.delete("form")
    jar.write("form", "two", max_age=60)
    (cookie,) = set_cookies(jar)
    assert cookie.startswith("cartwheel_form=two; HttpOnly; Max-Age=60; Path=/; SameSite=lax")


def test_a_deleted_cookie_is_deleted_once() -> None:
    jar = jar_of("cartwheel_form=old")
    jar.write("form", "new", max_age=60)
    jar.delete("form")
    jar.delete("form")
    (cookie,) = set_cookies(jar)
    assert "Max-Age=0" in cookie


def test_behind_https_only_cookies_bound_to_the_host_are_read() -> None:
    jar = jar_of("cartwheel_form=planted; __Host-cartwheel_form=own", https=True)
    assert jar.received("form") == "own"


def test_texts_come_back_from_a_cookie_value() -> None:
    texts = {"name": "Zoë", "city": "Rimville"}
    assert unpack_texts(pack_texts(texts), ("name", "city", "country")) == texts


def test_texts_that_are_too_long_for_a_cookie_are_not_packed() -> None:
    assert pack_texts({"name": "x" * 4000}) is None


@pytest.mark.parametrize("value", [None, "", "made-up", "W10", "eyJuYW1lIjoxfQ", "\xfc"])
def test_a_value_that_is_not_ours_holds_nothing(value: str | None) -> None:
    assert unpack_texts(value, ("name",)) == {}
