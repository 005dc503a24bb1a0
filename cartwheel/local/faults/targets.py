"""What effects act on, by name: the processes of this shop and the connections between them."""

from collections.abc import Collection, Mapping, Sequence

from cartwheel.errors import CommandError
from cartwheel.local.edges import Edge
from cartwheel.local.replica_process import Replica
from cartwheel.local.replica_set import ReplicaSet
from cartwheel.tcp_proxy import TcpProxy

ANY_REPLICA = "-*"


class Targets:
    """The replicas and store processes that run now, and the edges and stores of services."""

    def __init__(
        self,
        replica_sets: Mapping[str, ReplicaSet],
        stores: Sequence[Replica],
        *,
        edges: Sequence[Edge],
        store_proxies: Mapping[str, TcpProxy],
    ) -> None:
        self._replica_sets = replica_sets
        self._stores = stores
        self._edges = edges
        self._store_proxies = store_proxies

    def running(self, name: str, *, avoid: Collection[str] = ()) -> Replica:
        """The replica or store process of that name, or one that `cart-*` stands for.

        ``avoid`` are replicas that it may not stand for. Raises `CommandError`.
        """
        if name.endswith(ANY_REPLICA):
            return self._first_of(name.removesuffix(ANY_REPLICA), avoid=avoid)
        found = next((one for one in self._all() if one.name == name), None)
        if found is None:
            raise CommandError(f"The shop runs no process named {name!r}: see cartwheel status.")
        if found.process is None:
            raise CommandError(f"{name} has no process now: it is {found.state}.")
        return found

    def edge(self, name: str) -> Edge:
        """The edge of that name, as in `storefront->cart`. Raises `CommandError`."""
        found = next((edge for edge in self._edges if edge.name == name), None)
        if found is None:
            names = ", ".join(edge.name for edge in self._edges)
            raise CommandError(f"The shop has no edge {name!r}: it has {names}.")
        return found

    def store_proxy(self, service: str) -> TcpProxy:
        """The proxy before the store of a service. Raises `CommandError`."""
        if service not in self._store_proxies:
            raise CommandError(
                f"No proxy is before a store of {service!r}: a service with a store has one after "
                "cartwheel up --chaos --stores real."
            )
        return self._store_proxies[service]

    def _first_of(self, service: str, *, avoid: Collection[str]) -> Replica:
        if service not in self._replica_sets:
            raise CommandError(f"The shop runs no service named {service!r}.")
        for replica in self._replica_sets[service].replicas:
            runs = replica.process is not None and not replica.is_stopping
            if runs and replica.name not in avoid:
                return replica
        other = "other " if avoid else ""
        raise CommandError(f"{service} has no {other}replica that runs.")

    def _all(self) -> Sequence[Replica]:
        services = (one for each in self._replica_sets.values() for one in each.replicas)
        return [*services, *self._stores]
