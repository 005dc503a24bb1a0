"""How much memory the services and stores of a shop use."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from cartwheel.chaos.shop import Status
from cartwheel.chaos.soak.session import Memory


def memory_between(before: Status, after: Status) -> Sequence[Memory]:
    """Of each part, from the status before to the one after."""
    first, last = _sizes(before), _sizes(after)
    stores = {one["service"] for one in after["servers"]}
    return [
        Memory(name, name in stores, len(last[name]), sum(first.get(name, [])), sum(last[name]))
        for name in last
    ]


def _sizes(status: Status) -> Mapping[str, Sequence[int]]:
    """Bytes of each process, by part."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for name, size in _processes(status):
        found[name].append(size)
    return found


def _processes(status: Status) -> Iterator[tuple[str, int]]:
    for service in status["services"]:
        for replica in service["replicas"]:
            yield service["service"], replica["memory"]
    for server in status["servers"]:
        yield server["service"], server["memory"]
