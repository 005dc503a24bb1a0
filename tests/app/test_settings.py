"""Settings are checked before anything starts, and errors name the variable."""

from pathlib import Path
from typing import Annotated

import pytest
from pydantic import SecretStr

from app.settings import (
    ServiceSettings,
    ServiceTokenSettings,
    SettingsError,
    StoreUrl,
    UpstreamUrl,
    describe,
    load,
    store_url,
)

TOKEN = "0123456789abcdef0123456789abcdef"


class Shop(ServiceSettings, ServiceTokenSettings):
    store_url: Annotated[str, store_url("sqlite", "postgresql")]
    neighbour_url: UpstreamUrl = "http://127.0.0.1:1"
    admin_password: SecretStr | None = None


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("CARTWHEEL_STORE_URL", "sqlite:///shop.db")
    monkeypatch.setenv("CARTWHEEL_SERVICE_TOKENS", TOKEN)
    return monkeypatch


def problems_of(settings_class: type[ServiceSettings] = Shop) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(settings_class)
    return caught.value.problems


def test_values_come_from_variables_with_the_prefix(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CARTWHEEL_PORT", "8102")
    environment.setenv("PORT", "1")
    assert load(Shop).port == 8102


def test_all_wrong_settings_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARTWHEEL_PORT", "99999")
    monkeypatch.setenv("CARTWHEEL_LOG_LEVEL", "loud")
    named = [problem.partition(":")[0] for problem in problems_of()]
    assert set(named) == {
        "CARTWHEEL_PORT",
        "CARTWHEEL_LOG_LEVEL",
        "CARTWHEEL_STORE_URL",
        "CARTWHEEL_SERVICE_TOKENS",
    }


def test_a_problem_says_what_is_allowed(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CARTWHEEL_LOG_FORMAT", "xml")
    (problem,) = problems_of()
    assert problem.startswith("CARTWHEEL_LOG_FORMAT: ")
    assert problem.endswith("; allowed: json, console")


def test_a_wrong_secret_is_not_repeated(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CARTWHEEL_SERVICE_TOKENS", f"{TOKEN},{TOKEN},{TOKEN}")
    (problem,) = problems_of()
    assert TOKEN not in problem


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.db",
        "sqlite://",
        "valkey://127.0.0.1:6379",
        "mysql://db/shop",
        "postgresql://",
        "postgresql://db:port/shop",
        "postgresql://db:5432,other:port/shop",
        "http://127.0.0.1",
    ],
)
def test_a_store_the_service_cannot_use_is_refused(
    environment: pytest.MonkeyPatch, url: str
) -> None:
    environment.setenv("CARTWHEEL_STORE_URL", url)
    (problem,) = problems_of()
    assert problem.startswith("CARTWHEEL_STORE_URL: is not the URL of a store; allowed: sqlite")


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///a.db",
        "sqlite:////a/b.db",
        "postgresql://u:p@db:5432/shop",
        "postgresql://u:p@db-a:5432,db-b:5432/shop?target_session_attrs=read-write",
    ],
)
def test_a_store_the_service_supports_is_accepted(
    environment: pytest.MonkeyPatch, url: str
) -> None:
    environment.setenv("CARTWHEEL_STORE_URL", url)
    assert load(Shop).store_url == url


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "https://a", "dns+http://", "file:relative"])
def test_an_upstream_without_an_address_is_refused(
    environment: pytest.MonkeyPatch, url: str
) -> None:
    environment.setenv("CARTWHEEL_NEIGHBOUR_URL", url)
    (problem,) = problems_of()
    assert problem.startswith("CARTWHEEL_NEIGHBOUR_URL: ")


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8101", "dns+http://cart-headless:8000", "file:/run/cart.json"]
)
def test_all_forms_of_an_upstreams_address_are_accepted(
    environment: pytest.MonkeyPatch, url: str
) -> None:
    environment.setenv("CARTWHEEL_NEIGHBOUR_URL", url)
    assert load(Shop).neighbour_url == url


def test_two_tokens_may_be_accepted_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CARTWHEEL_SERVICE_TOKENS", f"new-{TOKEN}, old-{TOKEN}")
    tokens = [token.get_secret_value() for token in load(Shop).service_tokens]
    assert tokens == [f"new-{TOKEN}", f"old-{TOKEN}"]


@pytest.mark.parametrize("name", ["CARTWHEEL_SERVICE_TOKENS", "cartwheel_service_tokens"])
def test_a_secret_may_come_from_a_file(
    environment: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    environment.delenv("CARTWHEEL_SERVICE_TOKENS")
    environment.setenv("CARTWHEEL_SECRETS_DIR", str(tmp_path))
    (tmp_path / name).write_text(f"file-{TOKEN}\n")
    assert load(Shop).service_tokens[0].get_secret_value() == f"file-{TOKEN}"


def test_a_missing_folder_of_secrets_is_named(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CARTWHEEL_SECRETS_DIR", "/nowhere/at/all")
    (problem,) = problems_of()
    assert problem.startswith("CARTWHEEL_SECRETS_DIR: ")


def test_described_settings_hide_secrets(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CARTWHEEL_STORE_URL", "postgresql://shop:hush@db:5432/shop")
    environment.setenv("CARTWHEEL_ADMIN_PASSWORD", "hush")
    shown = describe(load(Shop))
    assert shown["CARTWHEEL_PORT"] == "8000"
    assert shown["CARTWHEEL_STORE_URL"] == "postgresql://shop:**********@db:5432/shop"
    assert shown["CARTWHEEL_SERVICE_TOKENS"] == "**********"
    assert "hush" not in " ".join(shown.values())
    assert TOKEN not in " ".join(shown.values())


def test_any_store_url_has_one_of_the_known_schemes() -> None:
    class Any(ServiceSettings):
        store_url: StoreUrl

    assert load(Any, store_url="valkey://127.0.0.1:6379").store_url.startswith("valkey:")


@pytest.mark.parametrize("url", ["valkey://store/cart", "redis://store:1/1/2", "valkey:///0"])
def test_a_valkey_database_is_a_number(url: str) -> None:
    class Any(ServiceSettings):
        store_url: StoreUrl

    with pytest.raises(SettingsError, match="is not the URL of a store"):
        load(Any, store_url=url)
    assert load(Any, store_url="valkey://:p@store:1/2").store_url == "valkey://:p@store:1/2"


@pytest.mark.parametrize(
    "url",
    [
        "valkey://store/?db=4",
        "redis://store/3?timeout=5",
        "valkey://store/#4",
        "valkey://user@store",
        "valkey://user:@store",
        "valkey://:@store",
    ],
)
def test_no_part_of_a_valkey_url_is_ignored(url: str) -> None:
    class Any(ServiceSettings):
        store_url: StoreUrl

    with pytest.raises(SettingsError, match=r"valkey://\[\[user\]:password@\]host") as caught:
        load(Any, store_url=url)
    assert len(caught.value.problems) == 1
