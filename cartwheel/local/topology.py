"""The services of the shop, and what the supervisor needs to know to start each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from cartwheel.errors import UsageError

# A bound for one machine; more processes than this bring nothing.
MAX_REPLICAS = 32


@dataclass(frozen=True)
class ServiceSpec:
    """One service as the supervisor sees it.

    ``factory`` is the argument of `python -m app.server`. ``package`` owns the migrations of the
    store. ``upstreams`` are the services it calls. ``store`` is the kind of store it uses with
    `--stores real`; None for a service without a store. ``seed`` is the module that fills an
    empty store. ``environment`` has precedence over what the local run decides.
    """

    name: str
    factory: str
    package: str
    upstreams: tuple[str, ...] = ()
    replicas: int = 1
    store: Literal["postgres", "valkey"] | None = "postgres"
    seed: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)


def _service(name: str, **needs: object) -> ServiceSpec:
    package = f"services.{name}"
    return ServiceSpec(name, f"{package}.main:create", package, **needs)  # type: ignore[arg-type]


# The service that a person opens in a browser.
FRONT_SERVICE = "storefront"
SHOP: Sequence[ServiceSpec] = (
    _service("products", upstreams=("user",), seed="services.products.seed"),
    _service("cart", upstreams=("products", "user"), replicas=2, store="valkey"),
    _service("user"),
    _service("tracking", upstreams=("cart", "products", "user")),
    _service("storefront", upstreams=("products", "cart", "user", "tracking"), store=None),
)


def by_name(shop: Sequence[ServiceSpec]) -> Mapping[str, ServiceSpec]:
    """The services by name, in the order they are listed."""
    return {spec.name: spec for spec in shop}


def find_service(shop: Mapping[str, ServiceSpec], name: str) -> ServiceSpec:
    """The service of that name. Raises `UsageError`."""
    if name not in shop:
        raise UsageError(f"There is no service {name!r}: choose {', '.join(shop)}.")
    return shop[name]


def check_replica_count(count: int) -> None:
    """Raise `UsageError` for a count that is out of range."""
    if not 0 <= count <= MAX_REPLICAS:
        raise UsageError(count_out_of_range(count))


def count_out_of_range(count: int) -> str:
    """The message for a count of replicas that is out of range."""
    return f"{count} replicas are not possible: choose 0 to {MAX_REPLICAS}."
