"""The page `/docs` of a service says what its OpenAPI document says, to people."""

import re
from html import unescape
from pathlib import Path

import pytest

from tests.contracts.documents import build, document_of
from tests.support.asgi import running
from tests.support.shop import SERVICES

pytestmark = pytest.mark.parametrize(
    "service", [service for service in SERVICES if service != "storefront"]
)


@pytest.fixture
async def page(service: str, tmp_path: Path) -> str:
    async with running(build(service, store=f"sqlite:///{tmp_path}/store.sqlite3")) as client:
        answer = await client.get("/docs")
    assert answer.status_code == 200
    return answer.text


def shown(fragment: str) -> str:
    """What a reader sees of it."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", fragment)).split())


def part(page: str, name: str) -> str:
    """The article with that id."""
    match = re.search(rf"<article id='{re.escape(name)}'>(.*?)</article>", page, re.DOTALL)
    assert match is not None, name
    return match[1]


async def test_all_services_are_titled_alike(service: str, page: str) -> None:
    assert f"<title>Cartwheel: {service}</title>" in page
    assert f"<h1>Cartwheel: {service}</h1>" in page


async def test_every_operation_shows_its_parameters_and_bodies(service: str, page: str) -> None:
    for path, item in document_of(service)["paths"].items():
        for method, operation in item.items():
            article = part(page, operation["operationId"])
            assert shown(article).startswith(f"{method.upper()} {path} ")
            for parameter in operation.get("parameters", []):
                assert f"<code>{parameter['name']}</code>" in article
                assert parameter.get("description", "").split("`")[0] in shown(article)
            for one in (operation.get("requestBody", {}), *operation["responses"].values()):
                for media in one.get("content", {}).values():
                    name = media.get("schema", {}).get("$ref", "").rpartition("/")[2]
                    assert f"<a href='#schema-{name}'>{name}</a>" in article or not name
            for status in operation["responses"]:
                assert f"<code>{status}</code>" in article


async def test_every_schema_shows_its_members(service: str, page: str) -> None:
    for name, schema in document_of(service)["components"]["schemas"].items():
        article = part(page, f"schema-{name}")
        for member in schema.get("properties", {}):
            assert f"<code>{member}</code>" in article
        for value in schema.get("enum", []):
            assert f"<code>{value}</code>" in article


async def test_every_link_leads_somewhere(service: str, page: str) -> None:
    assert service in page
    links = set(re.findall(r"href='?([^'> ]+)", page))
    places = set(re.findall(r"id='([^']+)'", page))
    assert links - {f"#{place}" for place in places} == {"openapi.json"}
    assert len(re.findall(r"id='([^']+)'", page)) == len(places)


async def test_a_limit_and_a_choice_are_said_in_words(service: str, page: str) -> None:
    if service == "products":
        listing = shown(part(page, "list_products"))
        assert "min_price integer, 0–1,000,000,000,000 · query, optional" in listing
        assert "limit integer, 1–100 · query, optional, default 24" in listing
        assert "one of name , price , -price , newest" in shown(part(page, "schema-Sort"))
    if service == "tracking":
        assert "Idempotency-Key string, 1–255 characters" in shown(part(page, "check_out"))
        assert "Needs an access token" in shown(part(page, "check_out"))
