"""What effects act on, by name: the processes of this shop and the connections between them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cartwheel.errors import CommandError
from cartwheel.local.edges import Edge
from cartwheel.local.replica_process import Replica
from cartwheel.local.replica_set import ReplicaSet
from cartwheel.local.settings import LocalSettings
from cartwheel.local.state_folder import StateFolder
from cartwheel.tcp_proxy import TcpProxy

ANY_REPLICA = "-*"


@dataclass(frozen=True)
class Targets:
    """The replicas and store processes that run now, and the edges and stores of services.

    ``store_urls`` are those of the stores themselves, by service, without a proxy in between.
    """

    replica_sets: Mapping[str, ReplicaSet]
    stores: Sequence[Replica]
    edges: Sequence[Edge]
    store_urls: Mapping[str, str]
    store_proxies: Mapping[str, TcpProxy]
    settings: LocalSettings
    state: StateFolder

    def running(self, name: str, *, avoid: Collection[str] = ()) -> Replica:
        """The replica or store process of that name, or one that `cart-*` stands for.

        ``avoid`` are replicas that it may not stand for. Raises `CommandError`.
        """
        if name.endswith(ANY_REPLICA):
            return self._first_of(name.removesuffix(ANY_REPLICA), avoid=avoid)
        found = next((one for one in [*self._replicas, *self.stores] if one.name == name), None)
        if found is None:
            raise CommandError(f"The shop runs no process named {name!r}: see cartwheel status.")
        if found.process is None:
            raise CommandError(f"{name} has no process now: it is {found.state}.")
        return found

    def check_is_service(self, replica: Replica) -> None:
        """Raise `CommandError` for a store process."""
        if replica not in self._replicas:
            raise CommandError(f"{replica.name} is a store: it has no event loop.")

    def store_process(self, name: str) -> Replica:
        """The process of that store. Raises `CommandError`."""
        found = next((one for one in self.stores if one.name == name), None)
        if found is None:
            raise CommandError(f"There is no {name}: it runs with cartwheel up --stores real.")
        return found

    def service(self, name: str) -> ReplicaSet:
        """The replicas of a service. Raises `CommandError`."""
        if name not in self.replica_sets:
            raise CommandError(f"The shop runs no service named {name!r}.")
        return self.replica_sets[name]

    def edge(self, name: str) -> Edge:
        """The edge of that name, as in `storefront->cart`. Raises `CommandError`."""
        found = next((edge for edge in self.edges if edge.name == name), None)
        if found is None:
            names = ", ".join(edge.name for edge in self.edges)
            raise CommandError(f"The shop has no edge {name!r}: it has {names}.")
        return found

    def store_url(self, service: str) -> str:
        """The URL of a service's store. Raises `CommandError`."""
        if service not in self.store_urls:
            raise CommandError(f"The shop runs no service {service!r} with a store.")
        return self.store_urls[service]

    def store_proxy(self, service: str) -> TcpProxy:
        """The proxy before the store of a service. Raises `CommandError`."""
        if service not in self.store_proxies:
            raise CommandError(
                f"No proxy is before a store of {service!r}: a service with a store has one after "
                "cartwheel up --chaos --stores real."
            )
        return self.store_proxies[service]

    def url_of_store(self, store: str) -> str:
        """A URL of Valkey or Postgres. Raises `CommandError`."""
        self.store_process(store)
        scheme = "valkey:" if store == "valkey" else "postgresql:"
        return next(url for url in self.store_urls.values() if url.startswith(scheme))

    @property
    def _replicas(self) -> Sequence[Replica]:
        return [one for replicas in self.replica_sets.values() for one in replicas.replicas]

    def _first_of(self, service: str, *, avoid: Collection[str]) -> Replica:
        for replica in self.service(service).replicas:
            runs = replica.process is not None and not replica.is_stopping
            if runs and replica.name not in avoid:
                return replica
        other = "other " if avoid else ""
        raise CommandError(f"{service} has no {other}replica that runs.")
