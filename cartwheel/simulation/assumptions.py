"""What the model is told about the service and the cluster."""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartwheel.errors import UsageError
from cartwheel.simulation.durations import format_duration, parse_duration

BENCH, VARIANT = "cart-add", "cartwheel"


@dataclass(frozen=True)
class Assumptions:
    """The defaults are those of the cart here. Seconds; CPU in milliseconds and thousandths.

    ``capacity`` is in requests a second and replica. ``queue`` is how long requests wait when the
    replicas have no capacity left, before they are shed. ``window`` is the range of the query's
    `rate`, ``scrape`` how often Prometheus reads the replicas; ``resolution`` is how often
    metrics-server does, and the window of a CPU sample. Both metrics are read ``delay`` late.
    """

    capacity: float = 40.0
    start: float = 2.0
    queue: float = 0.0
    cpu_per_request: float = 0.75
    cpu_idle: float = 0.0
    cpu_request: float = 25.0
    window: float = 4.0
    scrape: float = 2.0
    resolution: float = 15.0
    delay: float = 0.0
    sync: float = 15.0

    def __post_init__(self) -> None:
        for name in ("capacity", "cpu_request", "window", "scrape", "resolution", "sync"):
            if getattr(self, name) <= 0:
                raise UsageError(f"The assumption {name.replace('_', '-')} must be above 0.")


@dataclass(frozen=True)
class _Kind:
    """How an assumption is written, and in which words it is shown."""

    parse: Callable[[str], float]
    show: Callable[[float], str]


def _milliseconds(text: str) -> float:
    return parse_duration(text) * 1000


def _millicores(text: str) -> float:
    number = text.removesuffix("m")
    return _number(number) * (1 if text.endswith("m") else 1000)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise UsageError(f"{text!r} is no number.") from None
    if not math.isfinite(number) or number < 0:
        raise UsageError(f"{text!r} is no amount.")
    return number


DURATION = _Kind(parse_duration, format_duration)
CORES = _Kind(_millicores, lambda value: f"{value:g}m")
KINDS: Mapping[str, _Kind] = {
    "capacity": _Kind(_number, lambda value: f"{value:g}"),
    "cpu_per_request": _Kind(_milliseconds, lambda value: f"{value:g}ms"),
    "cpu_idle": CORES,
    "cpu_request": CORES,
}


def parse_assumptions(texts: Sequence[str], start: Assumptions = Assumptions()) -> Assumptions:
    """`capacity=100,start=20s`, several times or with commas. Raises `UsageError`."""
    changes: dict[str, Any] = {}
    names = [field.name for field in dataclasses.fields(Assumptions)]
    for part in ",".join(texts).split(","):
        if not part.strip():
            continue
        key, _, value = part.strip().partition("=")
        name = key.strip().replace("-", "_")
        if name not in names:
            known = ", ".join(one.replace("_", "-") for one in names)
            raise UsageError(f"There is no assumption {key.strip()!r}: choose {known}.")
        changes[name] = KINDS.get(name, DURATION).parse(value.strip())
    return dataclasses.replace(start, **changes)


def describe(assumed: Assumptions) -> str:
    """All of them, as `--assume` takes them."""
    return " ".join(
        f"{name.replace('_', '-')}={KINDS.get(name, DURATION).show(value).replace(' ', '')}"
        for name, value in dataclasses.asdict(assumed).items()
    )


def measured_by_bench(path: Path) -> Assumptions:
    """Capacity and CPU per request from `cartwheel bench cart-add --json FILE`."""
    try:
        benches = json.loads(path.read_text())["benches"]
        rows = next(one["rows"] for one in benches if one["name"] == BENCH)
        row = next(one for one in rows if one["variant"] == VARIANT)
        return Assumptions(capacity=float(row["rate"]), cpu_per_request=float(row["cpu"]) / 1000)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}).") from error
    except (ValueError, KeyError, TypeError, StopIteration) as error:
        raise UsageError(
            f"{path} has no bench of the cart. To make it: cartwheel bench {BENCH} --json {path}"
        ) from error
