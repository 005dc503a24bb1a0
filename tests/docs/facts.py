"""What exists: files, settings, routes, metrics, alerts, commands."""

import asyncio
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import PurePosixPath
from tempfile import TemporaryDirectory

import yaml
from fastapi.routing import iter_route_contexts
from prometheus_client.parser import text_string_to_metric_families
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from app.request.operations import PATHS
from app.settings import SECRETS_DIR, ServiceSettings, ServiceTokenSettings, variable
from cartwheel.cluster import ports
from cartwheel.local.settings import LocalSettings
from loadtest.main import build as build_load_generator
from loadtest.settings import LoadSettings
from services.cart.settings import CartSettings
from services.products.settings import ProductsSettings
from services.storefront.settings import StorefrontSettings
from services.tracking.settings import TrackingSettings
from services.user.settings import UserSettings
from tests.contracts.documents import app_of, build, document_of
from tests.docs.pages import ROOT
from tests.monitoring.queries import RULES
from tests.support.asgi import running
from tests.support.shop import SERVICES

SOURCES = ("app", "services", "cartwheel", "loadtest", "monitoring", "manifests")
SOURCE_FILES = ("Makefile", "Dockerfile.base", "kind.yaml", "skaffold.yaml", "pyproject.toml")
DOCUMENTATION = {"/docs", "/openapi.json"}
SETTINGS: Mapping[str, type[BaseSettings]] = {
    "products": ProductsSettings,
    "cart": CartSettings,
    "user": UserSettings,
    "tracking": TrackingSettings,
    "storefront": StorefrontSettings,
}
COMMON = {*ServiceSettings.model_fields, *ServiceTokenSettings.model_fields}

Route = tuple[str, str]
"""A method and a path, each parameter as `{}`."""


@cache
def files() -> frozenset[str]:
    """Every file and, with a slash behind, every folder of the checkout."""
    found = set()
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if _is_ours(name)]
        here = PurePosixPath(os.path.relpath(folder, ROOT))
        found |= {str(here / name) for name in names}
        found |= {f"{here / name}/" for name in folders}
    return frozenset(found)


def _is_ours(folder: str) -> bool:
    is_made = folder.endswith(".egg-info") or folder in ("__pycache__", "build", "generated")
    return not folder.startswith(".") and not is_made


def exists(path: str, *, within: str = "") -> bool:
    """Whether a file or folder of that name is below `within`; `local/child.py` is enough."""
    if path.startswith("/") or ".." in path:
        return False
    found = (name for name in files() if name.startswith(within))
    return any(f"/{name}".removesuffix("/").endswith(f"/{path.rstrip('/')}") for name in found)


@cache
def settings() -> frozenset[str]:
    """Every environment variable that something of ours reads."""
    classes = (*SETTINGS.values(), LoadSettings, LocalSettings)
    fields = {variable(field) for each in classes for field in each.model_fields}
    return frozenset(fields | {SECRETS_DIR, ports.SHOP.variable, ports.GRAFANA.variable})


def own_settings(service: str) -> dict[str, str]:
    """The variables of one service beside those of all, with their defaults as a page has them."""
    return {
        variable(name): _default(field.default)
        for name, field in SETTINGS[service].model_fields.items()
        if name not in COMMON
    }


def _default(value: object) -> str:
    if value is PydanticUndefined or value is None or value == ():
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.15g}" if isinstance(value, int | float) else str(value)


def operations(service: str) -> set[Route]:
    """What the OpenAPI document of a service has."""
    return {
        (method.upper(), _template(path))
        for path, methods in document_of(service)["paths"].items()
        for method in methods
    }


@cache
def routes() -> frozenset[Route]:
    """Every route of every service, pages and operations included."""
    found = {(method, path) for path in PATHS | DOCUMENTATION for method in ("GET", "HEAD")}
    apps = [*(app_of(service) for service in SERVICES), build_load_generator(LoadSettings())]
    for app in apps:
        for route in iter_route_contexts(app.routes):
            methods = getattr(route, "methods", None) or {"GET"}
            found |= {(method, _template(route.path_format or "")) for method in methods}
    return frozenset(found)


def query_parameters(route: Route) -> set[str]:
    """The names a route takes behind its question mark, by the documents of the services."""
    return {
        parameter["name"]
        for service in SERVICES
        for path, methods in document_of(service)["paths"].items()
        if _template(path) == route[1] and route[0].lower() in methods
        for parameter in methods[route[0].lower()].get("parameters", ())
        if parameter["in"] == "query"
    }


def _template(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


@cache
def metrics(service: str) -> Mapping[str, frozenset[str]]:
    """The metrics of a service with the labels that are known before its first request."""
    with TemporaryDirectory() as folder:
        exposition = asyncio.run(_exposition(service, f"sqlite:///{folder}/store.sqlite3"))
    found: dict[str, frozenset[str]] = {}
    for family in text_string_to_metric_families(exposition):
        labels = frozenset(label for sample in family.samples for label in sample.labels)
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = labels - {"service", "le"}
    return found


async def _exposition(service: str, store: str) -> str:
    if service == "loadtest":
        app = build_load_generator(LoadSettings())
    else:
        app = build(service, store=store)
    async with running(app) as client:
        return (await client.get("/metrics")).text


@cache
def rules(kind: str) -> frozenset[str]:
    """The names of all alerts (`alert`) or recorded series (`record`)."""
    return frozenset(
        rule[kind]
        for file in RULES.glob("*.yaml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
        if kind in rule
    )


@cache
def make_targets() -> frozenset[str]:
    text = (ROOT / "Makefile").read_text()
    return frozenset(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))


@cache
def profiles() -> frozenset[str]:
    """The profiles of Skaffold."""
    skaffold = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    return frozenset(profile["name"] for profile in skaffold["profiles"])


@cache
def words() -> frozenset[str]:
    """Every word of the code and the manifests."""
    texts = ((ROOT / name).read_text(errors="ignore") for name in source_files())
    return frozenset(word for text in texts for word in re.findall(r"\w+", text))


def is_text_of(service: str, text: str) -> bool:
    """Whether the code of a service or of the library has that text between quotes."""
    folders = (ROOT / "app", ROOT / "services" / service)
    return any(
        f'"{text}"' in file.read_text() for folder in folders for file in folder.rglob("*.py")
    )


def source_files() -> Iterator[str]:
    """The files of the code and the manifests."""
    kinds = {".py", ".lua", ".yaml", ".env", ".toml", ".html", ".js", ".css", ".sh", ""}
    for name in files():
        is_source = name.split("/")[0] in SOURCES or name in SOURCE_FILES
        if is_source and not name.endswith("/") and PurePosixPath(name).suffix in kinds:
            yield name
