"""The HTTP API of the catalogue."""

import xml.etree.ElementTree as ElementTree

import httpx2
import pytest

from services.products.main import build
from tests.services.products.conftest import STAFF, settings_for
from tests.support.asgi import running
from tests.support.identity import bearer, jwks_transport

FIXIE = "/v1/products/BIKE-FIXIE-01"
TRIKE = {
    "name": "Delivery trike",
    "summary": "Three wheels, no balance needed.",
    "description": "Carries parcels.\nAnd opinions.",
    "category": "bicycles",
    "price": {"amount": 199900, "currency": "EUR"},
}


async def every_sku(shop: httpx2.AsyncClient, query: str) -> list[str]:
    skus: list[str] = []
    cursor = ""
    while True:
        page = (await shop.get(f"/v1/products?{query}{cursor}")).json()
        skus += [product["sku"] for product in page["items"]]
        if page["next_cursor"] is None:
            return skus
        cursor = f"&cursor={page['next_cursor']}"


async def test_the_shop_has_six_categories_of_eight(shop: httpx2.AsyncClient) -> None:
    response = (await shop.get("/v1/categories")).json()
    assert [(category["slug"], category["count"]) for category in response["items"]] == [
        ("bicycles", 8),
        ("skates", 8),
        ("carts", 8),
        ("toys", 8),
        ("kitchen", 8),
        ("curiosities", 8),
    ]


async def test_a_product_tells_all_the_shop_knows(shop: httpx2.AsyncClient) -> None:
    product = (await shop.get(FIXIE)).json()
    assert product.keys() == {
        "sku",
        "name",
        "summary",
        "description",
        "category",
        "price",
        "available",
        "image",
        "weight_grams",
        "size",
    }
    assert product["price"] == {"amount": 64900, "currency": "EUR"}
    assert product["image"] == f"{FIXIE}/image.svg"


@pytest.mark.parametrize("sort", ["name", "price", "-price", "newest"])
async def test_paging_shows_every_product_once(shop: httpx2.AsyncClient, sort: str) -> None:
    skus = await every_sku(shop, f"sort={sort}&limit=7")
    assert len(skus) == 48
    assert len(set(skus)) == 48


async def test_a_list_can_be_sorted_by_price(shop: httpx2.AsyncClient) -> None:
    upwards = (await shop.get("/v1/products?sort=price&limit=100")).json()["items"]
    amounts = [product["price"]["amount"] for product in upwards]
    assert amounts == sorted(amounts)
    downwards = (await shop.get("/v1/products?sort=-price&limit=1")).json()["items"]
    assert downwards[0]["price"]["amount"] == amounts[-1]


async def test_a_search_within_a_category_finds_words_anywhere(shop: httpx2.AsyncClient) -> None:
    assert await every_sku(shop, "q=PIZZA wheel") == ["KITCHEN-PIZZA-01"]
    assert await every_sku(shop, "q=pizza&category=toys") == []
    assert await every_sku(shop, "q=no such thing as this") == []
    assert len(await every_sku(shop, "q=")) == 48


async def test_an_unknown_category_is_an_empty_list(shop: httpx2.AsyncClient) -> None:
    assert await every_sku(shop, "category=submarines") == []


@pytest.mark.fault(80)
@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=1000000000", "/limit"),
        ("limit=-1", "/limit"),
        ("sort=colour", "/sort"),
        ("category=No+Such", "/category"),
        ("cursor=AAAA", "/cursor"),
        ("cursor=%27%3B--", "/cursor"),
        ("q=" + "x" * 81, "/q"),
        ("q=%E2%80%AE", "/q"),
        ("min_price=-1", "/min_price"),
        ("max_price=much", "/max_price"),
        ("max_price=99999999999999999999", "/max_price"),
        ("min_price=5&max_price=4", "/max_price"),
        ("in_stock=perhaps", "/in_stock"),
    ],
)
async def test_a_query_that_makes_no_sense_is_pointed_at(
    shop: httpx2.AsyncClient, query: str, pointer: str
) -> None:
    response = await shop.get(f"/v1/products?{query}")
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


async def test_a_cursor_reads_on_in_its_own_list_only(shop: httpx2.AsyncClient) -> None:
    cursor = (await shop.get("/v1/products?sort=price&limit=1")).json()["next_cursor"]
    assert (await shop.get(f"/v1/products?sort=price&cursor={cursor}")).status_code == 200
    assert (await shop.get(f"/v1/products?sort=-price&cursor={cursor}")).status_code == 422
    assert (await shop.get(f"/v1/products?q=bell&cursor={cursor}")).status_code == 422


async def test_an_unknown_product_is_a_problem(shop: httpx2.AsyncClient) -> None:
    response = await shop.get("/v1/products/NO-SUCH-01")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:cartwheel:problem:unknown-product"


@pytest.mark.parametrize("path", [FIXIE, "/v1/products", "/v1/categories", f"{FIXIE}/image.svg"])
async def test_who_has_it_already_is_told_so(shop: httpx2.AsyncClient, path: str) -> None:
    first = await shop.get(path)
    assert first.headers["cache-control"].startswith("public, max-age=")
    for known in (first.headers["etag"], f'"other", W/{first.headers["etag"]}', "*"):
        again = await shop.get(path, headers={"if-none-match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    other = await shop.get(path, headers={"if-none-match": '"other"'})
    assert other.content == first.content


async def test_a_lookup_answers_in_the_order_asked(shop: httpx2.AsyncClient) -> None:
    skus = ["TOY-DUCK-01", "NOPE-1", "BIKE-FIXIE-01", "TOY-DUCK-01"]
    response = (await shop.post("/v1/products:lookup", json={"skus": skus})).json()
    assert [product["sku"] for product in response["items"]] == ["TOY-DUCK-01", "BIKE-FIXIE-01"]
    assert response["missing"] == ["NOPE-1"]


@pytest.mark.parametrize(
    "body",
    [
        {"skus": []},
        {"skus": [f"SKU-{number}" for number in range(101)]},
        {"skus": ["lower"]},
        {"skus": ["A-1\n"]},
        {"skus": "BIKE-FIXIE-01"},
        {"skus": [1]},
        {},
        {"skus": ["A-1"], "all": True},
    ],
)
async def test_a_lookup_of_anything_else_is_refused(
    shop: httpx2.AsyncClient, body: dict[str, object]
) -> None:
    assert (await shop.post("/v1/products:lookup", json=body)).status_code == 422


async def test_a_picture_is_svg_with_the_products_name(shop: httpx2.AsyncClient) -> None:
    response = await shop.get(f"{FIXIE}/image.svg")
    assert response.headers["content-type"] == "image/svg+xml"
    title = ElementTree.fromstring(response.text).find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text == "Errand fixed-gear"
    assert (await shop.get("/v1/products/NO-SUCH-01/image.svg")).status_code == 404


async def test_the_staff_can_add_a_product(shop: httpx2.AsyncClient) -> None:
    path = "/v1/products/BIKE-TRIKE-01"
    added = await shop.put(path, json=TRIKE, headers=STAFF)
    assert added.status_code == 201
    assert added.json()["available"] == 0
    stocked = await shop.put(f"{path}/stock", json={"available": 3}, headers=STAFF)
    assert (stocked.status_code, stocked.json()["available"]) == (200, 3)
    seen = await shop.get(path)
    assert seen.json() == stocked.json()
    assert seen.headers["etag"] == stocked.headers["etag"]
    assert "<title>Delivery trike</title>" in (await shop.get(f"{path}/image.svg")).text


async def test_a_change_is_seen_at_once_and_leaves_the_stock(shop: httpx2.AsyncClient) -> None:
    before = (await shop.get(FIXIE)).json()
    await shop.get("/v1/products")
    changed = await shop.put(FIXIE, json=TRIKE, headers=STAFF)
    assert changed.status_code == 200
    after = (await shop.get(FIXIE)).json()
    assert (after["name"], after["available"]) == ("Delivery trike", before["available"])
    names = [item["name"] for item in (await shop.get("/v1/products")).json()["items"]]
    assert "Delivery trike" in names


async def test_a_change_made_for_another_version_is_refused(shop: httpx2.AsyncClient) -> None:
    seen = (await shop.get(FIXIE)).headers["etag"]
    first = await shop.put(FIXIE, json=TRIKE, headers={**STAFF, "if-match": seen})
    assert first.status_code == 200
    late = await shop.put(FIXIE, json=TRIKE, headers={**STAFF, "if-match": seen})
    assert late.status_code == 412
    assert late.json()["type"] == "urn:cartwheel:problem:product-changed"
    stock = {**STAFF, "if-match": f'"other", {first.headers["etag"]}'}
    response = await shop.put(f"{FIXIE}/stock", json={"available": 1}, headers=stock)
    assert response.status_code == 200


async def test_a_change_can_insist_that_the_product_exists(shop: httpx2.AsyncClient) -> None:
    headers = {**STAFF, "if-match": "*"}
    assert (await shop.put(FIXIE, json=TRIKE, headers=headers)).status_code == 200
    missing = await shop.put("/v1/products/BIKE-TRIKE-01", json=TRIKE, headers=headers)
    assert missing.status_code == 412


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"price": {"amount": 1, "currency": "USD"}}, "/price/currency"),
        ({"price": {"amount": -1, "currency": "EUR"}}, "/price/amount"),
        ({"price": {"amount": 1.5, "currency": "EUR"}}, "/price/amount"),
        ({"price": {"amount": 2**63, "currency": "EUR"}}, "/price/amount"),
        ({"category": "submarines"}, "/category"),
        ({"name": ""}, "/name"),
        ({"name": "a\u202eb"}, "/name"),
        ({"available": 1_000_000}, "/available"),
        ({"weight_grams": 0}, "/weight_grams"),
    ],
)
async def test_a_product_that_breaks_a_rule_is_pointed_at(
    shop: httpx2.AsyncClient, change: dict[str, object], pointer: str
) -> None:
    response = await shop.put(FIXIE, json=TRIKE | change, headers=STAFF)
    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


@pytest.mark.parametrize("path", [FIXIE, f"{FIXIE}/stock"])
async def test_only_the_staff_may_change_anything(shop: httpx2.AsyncClient, path: str) -> None:
    body = {"available": 1} if path.endswith("stock") else TRIKE
    assert (await shop.put(path, json=body)).status_code == 401
    assert (await shop.put(path, json=body, headers=bearer())).status_code == 403


async def test_stock_of_an_unknown_product_cannot_be_set(shop: httpx2.AsyncClient) -> None:
    response = await shop.put("/v1/products/NOPE-1/stock", json={"available": 1}, headers=STAFF)
    assert response.status_code == 404


@pytest.mark.parametrize("available", [-1, 1_000_001, 1.0, "1", True, None])
async def test_stock_is_a_sensible_whole_number(
    shop: httpx2.AsyncClient, available: object
) -> None:
    response = await shop.put(f"{FIXIE}/stock", json={"available": available}, headers=STAFF)
    assert response.status_code == 422


async def test_the_catalogue_can_be_read_and_changed_on_each_store(seeded_url: str) -> None:
    app = build(settings_for(seeded_url), transports={"user": jwks_transport()})
    async with running(app) as shop:
        assert (await shop.get("/readyz")).status_code == 200
        assert len(await every_sku(shop, "limit=20")) == 48
        assert (await shop.put(FIXIE, json=TRIKE, headers=STAFF)).status_code == 200
        assert (await shop.get(FIXIE)).json()["name"] == "Delivery trike"


@pytest.mark.fault(14, store="sqlite")
async def test_a_store_without_tables_is_not_ready(empty_url: str) -> None:
    async with running(build(settings_for(empty_url))) as shop:
        response = await shop.get("/readyz?verbose")
        assert response.status_code == 503
        assert "run cartwheel migrate" in response.text
        assert (await shop.get("/livez")).status_code == 200


async def test_a_store_that_is_away_is_a_503_and_no_reason_to_die() -> None:
    away = settings_for("postgresql://nobody@127.0.0.1:9/nothing")
    async with running(build(away)) as shop:
        response = await shop.get(FIXIE)
        assert response.status_code == 503
        assert response.headers["retry-after"] == "1"
        assert (await shop.get("/readyz")).status_code == 503
        assert (await shop.get("/livez")).status_code == 200


async def test_what_is_asked_of_the_store_is_measured(shop: httpx2.AsyncClient) -> None:
    await shop.get("/v1/products")
    metrics = (await shop.get("/metrics")).text
    assert 'operation="list_products",outcome="ok"' in metrics
    assert 'store="sqlite"' in metrics
