"""What the shop consists of and what each part needs to start."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cartwheel.errors import StartError

# More processes than this help nobody on one machine.
MAX_REPLICAS = 32


@dataclass(frozen=True)
class ServiceSpec:
    """One service as the supervisor sees it.

    ``factory`` is what `python -m app.server` is given. ``store`` is the server the service
    uses with real stores; None for a service that keeps nothing. ``package`` owns the store's
    migrations. ``cpu_request`` is in cores, as its pod asks for in ``manifests/base/``.
    ``seed`` is the module that fills an empty store.
    """

    name: str
    factory: str
    package: str
    neighbours: tuple[str, ...] = ()
    replicas: int = 1
    store: Literal["postgres", "valkey"] | None = "postgres"
    cpu_request: float = 0.05
    seed: str | None = None


def _service(name: str, **needs: object) -> ServiceSpec:
    package = f"services.{name}"
    return ServiceSpec(name, f"{package}.main:create", package, **needs)  # type: ignore[arg-type]


# What a person opens in a browser.
FRONT = "storefront"
SHOP: Sequence[ServiceSpec] = (
    _service("products", neighbours=("user",), seed="services.products.seed"),
    _service(
        "cart", neighbours=("products", "user"), replicas=2, store="valkey", cpu_request=0.075
    ),
    _service("user"),
    _service("tracking", neighbours=("cart", "products", "user")),
    _service(
        "storefront",
        neighbours=("products", "cart", "user", "tracking"),
        store=None,
        cpu_request=0.1,
    ),
)


def by_name(shop: Sequence[ServiceSpec]) -> Mapping[str, ServiceSpec]:
    """The services by name, in the order they are listed."""
    return {spec.name: spec for spec in shop}


def find(shop: Mapping[str, ServiceSpec], name: str) -> ServiceSpec:
    """The service of that name. Raises `StartError` (a wrong name is wrong usage)."""
    if name not in shop:
        raise StartError(f"There is no service {name!r}: choose {', '.join(shop)}.")
    return shop[name]


def check_count(count: int) -> None:
    """Raise `StartError` for a number of replicas that makes no sense on one machine."""
    if not 0 <= count <= MAX_REPLICAS:
        raise StartError(impossible(count))


def impossible(count: int) -> str:
    return f"{count} replicas are not possible: choose 0 to {MAX_REPLICAS}."
