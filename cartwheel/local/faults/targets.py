"""What effects act on: the processes of this shop, by the names that `cartwheel status` shows."""

from collections.abc import Collection, Mapping, Sequence

from cartwheel.errors import CommandError
from cartwheel.local.replica_process import Replica
from cartwheel.local.replica_set import ReplicaSet

ANY_REPLICA = "-*"


class Targets:
    """The replicas and store processes that the supervisor runs now."""

    def __init__(
        self, replica_sets: Mapping[str, ReplicaSet], stores: Sequence[Replica] = ()
    ) -> None:
        self._replica_sets = replica_sets
        self._stores = stores

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
