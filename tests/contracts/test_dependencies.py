"""What is installed in the images, and what of it each service loads.

Every package is memory of each replica, time of each start, and something to keep up to date.
"""

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]

FRAMEWORK = {
    *("annotated-doc", "annotated-types", "anyio", "fastapi", "opentelemetry-api", "pydantic"),
    *("pydantic-core", "pydantic-settings", "python-dotenv", "starlette", "typing-extensions"),
    *("typing-inspection", "httptools", "uvicorn", "uvloop", "prometheus-client", "structlog"),
}
TOKENS = {"joserfc", "cryptography", "cffi"}
STORES = {
    "sqlite:///{folder}/shop.sqlite3": set(),
    "postgresql://shop@127.0.0.1:1/shop": {"asyncpg"},
    "valkey://127.0.0.1:1": {"hiredis"},
}
SQLITE, POSTGRES, VALKEY = STORES
SERVICES = {
    "products": TOKENS,
    "cart": TOKENS,
    "user": TOKENS | {"argon2-cffi", "argon2-cffi-bindings", "idna"},
    "tracking": TOKENS,
    "storefront": {"idna", "jinja2", "markupsafe"},
}


def installed_in_images() -> set[str]:
    lines = (ROOT / "requirements" / "services.txt").read_text().splitlines()
    requirements = [
        Requirement(line.rstrip(" \\")) for line in lines if re.match(r"[a-z0-9]", line)
    ]
    return {
        requirement.name
        for requirement in requirements
        if requirement.marker is None or requirement.marker.evaluate()
    }


def loaded(*service: str, **environment: str) -> set[str]:
    """The packages of the images that a started service has loaded, or all of our code."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.support.loaded_modules", *service],
        env={**os.environ, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return packages_of(json.loads(process.stdout.splitlines()[-1]))


def packages_of(modules: Iterable[str]) -> set[str]:
    packages = importlib.metadata.packages_distributions()
    found = {
        re.sub(r"[-_.]+", "-", package).lower()
        for module in modules
        for package in packages.get(module.partition(".")[0], ())
    }
    return found & installed_in_images()


@pytest.mark.parametrize(
    ("service", "store"),
    [
        ("products", SQLITE),
        ("products", POSTGRES),
        ("cart", SQLITE),
        ("cart", VALKEY),
        ("user", SQLITE),
        ("user", POSTGRES),
        ("tracking", SQLITE),
        ("tracking", POSTGRES),
        ("storefront", None),
    ],
)
def test_a_service_loads_what_it_and_its_store_need(
    service: str, store: str | None, tmp_path: Path
) -> None:
    environment = {"CARTWHEEL_SERVICE_TOKENS": "only-for-this-test-of-imports"}
    if store is not None:
        environment["CARTWHEEL_STORE_URL"] = store.format(folder=tmp_path)
    expected = FRAMEWORK | SERVICES[service] | (STORES[store] if store else set())
    assert loaded(service, **environment) == expected


def test_an_image_contains_nothing_that_is_never_imported() -> None:
    opened = set[str]().union(*STORES.values())
    assert installed_in_images() - loaded() - opened == set()
