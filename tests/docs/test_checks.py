"""The checks of pages find what they are there for: each kind of mistake, planted in a page."""

from collections.abc import Callable, Iterator

import pytest

from tests.docs import checks
from tests.docs.pages import Page

PLANTED: list[tuple[Callable[[Page], Iterator[str]], str, str]] = [
    (checks.check_links, "See [this](nowhere.md).", "nowhere.md"),
    (checks.check_links, "See [this](../README.md#no-such-heading).", "no such heading"),
    (checks.check_links, "See [`code`](gone.py).", "gone.py"),
    (checks.check_paths, "It is in `app/gone.py`.", "app/gone.py"),
    (checks.check_paths, "It is in `gone_completely.py`.", "gone_completely.py"),
    (checks.check_paths, "It is in `manifests/gone/`.", "manifests/gone/"),
    (checks.check_paths, "```sh\nkubectl apply -k manifests/overlays/gone\n```", "overlays/gone"),
    (checks.check_paths, "```sh\npython -m app.stores.gone\n```", "app.stores.gone"),
    (checks.check_paths, "Run `app.server services.cart.main:gone`.", "main:gone"),
    (checks.check_settings, "Set `CARTWHEEL_NO_SUCH_THING`.", "CARTWHEEL_NO_SUCH_THING"),
    (checks.check_settings, "```sh\nexport CARTWHEEL_GONE=1\n```", "CARTWHEEL_GONE"),
    (checks.check_routes, "Ask `GET /v1/nothing`.", "/v1/nothing"),
    (checks.check_routes, "Ask `DELETE /v1/categories`.", "/v1/categories"),
    (checks.check_routes, "Ask `/nothingz`.", "/nothingz"),
    (checks.check_routes, "Ask `GET /v1/products?taste=sweet`.", "taste"),
    (checks.check_problems, "It is 404 `no-such-problem`.", "no-such-problem"),
    (checks.check_metrics, "Watch `http_requests_gone_total`.", "http_requests_gone_total"),
    (checks.check_metrics, "Watch `orders_total{colour}`.", "colour"),
    (checks.check_metrics, "Watch `service:http_gone:rate1m`.", "service:http_gone:rate1m"),
    (checks.check_alerts, "The alerts `StoreIsFull` and `ShopIsGone`.", "ShopIsGone"),
    (checks.check_commands, "Type `make nothing`.", "nothing"),
    (checks.check_commands, "```sh\nmake test ARGS=tests/nothing\n```", "tests/nothing"),
    (checks.check_commands, "```console\n$ make kind CARTWHEEL_PORT_X=1\n```", "CARTWHEEL_PORT_X"),
    (checks.check_commands, "```sh\nmake load ARGS='--speed 9'\n```", "--speed"),
    (checks.check_commands, "Type `cartwheel dance`.", "dance"),
    (checks.check_commands, "Type `cartwheel up --sideways`.", "--sideways"),
    (checks.check_commands, "Type `cartwheel scale kart 3`.", "kart"),
    (checks.check_commands, "Type `cartwheel scale cart many`.", "many"),
    (checks.check_commands, "Type `skaffold run -p gone`.", "gone"),
    (checks.check_names, "The class `NoSuchClass`.", "NoSuchClass"),
    (checks.check_names, "The function `no_such_function()`.", "no_such_function"),
    (checks.check_names, "The log event `upstream.no_such_event`.", "upstream.no_such_event"),
]


@pytest.mark.parametrize(("check", "text", "named"), PLANTED, ids=[one[2] for one in PLANTED])
def test_a_planted_mistake_is_found_with_its_line(
    check: Callable[[Page], Iterator[str]], text: str, named: str
) -> None:
    (problem,) = check(Page("docs/planted.md", f"# A page\n\n{text}\n"))
    line = 4 if text.startswith("```") else 3
    assert problem.startswith(f"docs/planted.md:{line}: ")
    assert named in problem


def of_the_cart(rows: str) -> Page:
    """A page that looks like the cart's."""
    return Page("services/cart/README.md", f"# cart\n\n{rows}\n")


def test_a_page_of_a_service_has_all_its_settings_with_their_defaults() -> None:
    problems = list(checks.check_settings(of_the_cart("| `CARTWHEEL_ADD_KEY_LIFETIME` | 901 | |")))
    assert "services/cart/README.md:3: `CARTWHEEL_ADD_KEY_LIFETIME`: the default is ['900']" in (
        problems
    )
    assert any("CARTWHEEL_CART_LIFETIME" in problem for problem in problems)


def test_a_page_of_a_service_has_all_its_routes() -> None:
    problems = list(checks.check_routes(of_the_cart("`GET /v1/cart`")))
    assert any("DELETE /v1/cart is not" in problem for problem in problems)
    assert not any("GET /v1/cart is not" in problem for problem in problems)


def test_a_page_of_a_service_has_all_its_metrics() -> None:
    problems = list(checks.check_metrics(of_the_cart("`cart_takes_total`")))
    assert any("cart_merges_total" in problem for problem in problems)
    assert not any("cart_takes_total" in problem for problem in problems)
