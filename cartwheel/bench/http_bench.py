"""Benches of servers under load: samples in rounds, and the table they make."""

import dataclasses
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from cartwheel.bench.agreement import Check, check_agreement
from cartwheel.bench.load_generator import Load, LoadResult
from cartwheel.bench.options import BEFORE, OWN, Options
from cartwheel.bench.results import Column, Value, paired_ratio
from cartwheel.bench.rounds import Progress, measure_rounds
from cartwheel.bench.usage import cpu_seconds, memory_mebibytes
from cartwheel.bench.workbench import Server, Workbench

BUSY = 0.9
"""A server with a smaller share of its core waited for the load or the store."""


@dataclass(frozen=True)
class Workload:
    """What is sent to the servers; ratios are to the server named `base`.

    `exact` names servers whose bodies must be the same bytes. `reset` empties the store before the
    checks, `prepare` fills it before each sample.
    `at_half_rate`: also a sample at half the rate that the server reached. `many_connections`: also
    samples with so many.
    """

    requests: Callable[[Server], Sequence[str]]
    base: str
    checks: Sequence[Check] = ()
    exact: Collection[str] = ()
    reset: Callable[[], Awaitable[None]] | None = None
    prepare: Callable[[Server], Awaitable[None]] | None = None
    at_half_rate: bool = False
    many_connections: Sequence[int] = ()


@dataclass(frozen=True)
class Sample:
    """One measurement. Times in seconds; `cpu` is that of the server's processes for one request.

    `busy` is their share of one core.
    """

    rate: float
    p50: float
    p99: float
    errors: int
    requests: int
    cpu: float
    busy: float


@dataclass(frozen=True)
class Measured:
    """What was measured of each server, by its name.

    ``steady`` has a sample at half the rate that the server reached; ``errors`` are those at more
    connections, by their number; ``memory`` is in MiB, after the rounds.
    """

    base: str
    samples: Mapping[str, Sequence[Sample]]
    memory: Mapping[str, float]
    steady: Mapping[str, Sample]
    errors: Mapping[str, Mapping[int, int]]

    def median(self, name: str, member: str) -> float | None:
        """The median of all rounds; None if that server was not measured."""
        values = [getattr(sample, member) for sample in self.samples.get(name, ())]
        return median(values) if values else None

    def ratio(self, member: str, name: str, base: str) -> float | None:
        """Paired by round; None if one of the two was not measured."""
        own, other = self.samples.get(name, ()), self.samples.get(base, ())
        if not own or not other:
            return None
        return paired_ratio(
            [getattr(one, member) for one in own], [getattr(one, member) for one in other]
        )

    def raw(self) -> list[dict[str, Any]]:
        """Every sample, for programs."""
        return [
            {"variant": name, "round": number, **dataclasses.asdict(sample)}
            for name, samples in self.samples.items()
            for number, sample in enumerate(samples, 1)
        ]

    def columns(self) -> list[Column]:
        """The columns of `rows`."""
        columns = [
            Column("variant", "variant"),
            Column("cpu", "CPU µs", meaning="CPU per request in µs; less is better"),
            Column("cpu_ratio", f"÷ {self.base}", 2),
            Column("rate", "req/s", meaning="requests per second; more is better"),
            Column("rate_ratio", f"÷ {self.base}", 2),
            Column("p50", "p50", 1),
            Column("p99", "p99", 1),
        ]
        if self.steady:
            columns.append(Column("steady_p99", "½ p99", 1))
        return [*columns, Column("all_errors", "errors"), Column("memory", "MiB")]

    def rows(self) -> list[dict[str, Value]]:
        return [self._row(name) for name in self.samples]

    def notes(self) -> list[str]:
        """What the columns mean, and the change between two checkouts."""
        steady = "½ p99 is that at half the rate. " if self.steady else ""
        numbers = [f"{number:,}" for counts in self.errors.values() for number in counts]
        many = f", then at {' and '.join(dict.fromkeys(numbers))} connections" if numbers else ""
        notes = [f"p50 and p99 in ms. {steady}Errors in all rounds{many}."]
        idle = [name for name in self.samples if (self.median(name, "busy") or 1.0) < BUSY]
        if idle:
            notes.append(
                f"Less than {BUSY:.0%} of their core used: {', '.join(idle)}. The load, the store "
                "or other programs were their limit, so compare the CPU."
            )
        cpu = self.ratio("cpu", OWN, BEFORE)
        rate = self.ratio("rate", OWN, BEFORE)
        if cpu is not None and rate is not None:
            notes.append(f"{OWN} ÷ {BEFORE}: CPU {cpu:.3f}, requests/s {rate:.2f}.")
        return notes

    def _row(self, name: str) -> dict[str, Value]:
        def scaled(member: str, factor: float) -> float:
            return (self.median(name, member) or 0.0) * factor

        errors = sum(sample.errors for sample in self.samples[name])
        many = self.errors.get(name, {})
        return {
            "variant": name,
            "cpu": scaled("cpu", 1e6),
            "cpu_ratio": self.ratio("cpu", name, self.base),
            "rate": self.median(name, "rate"),
            "rate_ratio": self.ratio("rate", name, self.base),
            "p50": scaled("p50", 1e3),
            "p99": scaled("p99", 1e3),
            "steady_p99": self.steady[name].p99 * 1e3 if name in self.steady else None,
            "errors": errors,
            **{f"errors_{number}": count for number, count in many.items()},
            "all_errors": " / ".join(f"{count:,}" for count in (errors, *many.values())),
            "memory": self.memory[name],
            "busy": self.median(name, "busy"),
        }


async def measure(
    workbench: Workbench,
    servers: Sequence[Server],
    workload: Workload,
    *,
    options: Options,
    progress: Progress,
) -> Measured:
    """Check that the servers answer alike, then measure them. Raises `CommandError`."""
    await check_agreement(servers, workload.checks, reset=workload.reset, exact=workload.exact)
    sampler = _Sampler(workbench, workload, options)
    samples = await measure_rounds(servers, sampler.take, rounds=options.rounds, progress=progress)
    memory = {server.name: memory_mebibytes(server.pids) for server in servers}
    steady: dict[str, Sample] = {}
    errors: dict[str, dict[int, int]] = {}
    for server in servers:
        if workload.at_half_rate:
            progress("half the rate", server.name, share=1.0)
            rate = median(sample.rate for sample in samples[server.name]) / 2
            steady[server.name] = await sampler.take(server, rate=rate)
        for number in workload.many_connections:
            progress("many connections", server.name, share=1.0)
            sample = await sampler.take(server, connections=number)
            errors.setdefault(server.name, {})[number] = sample.errors
    base = workload.base if workload.base in samples else next(iter(samples))
    return Measured(base, samples, memory, steady, errors)


class _Sampler:
    """Sends the workload to a server, and measures the server meanwhile."""

    def __init__(self, workbench: Workbench, workload: Workload, options: Options) -> None:
        self._workbench = workbench
        self._workload = workload
        self._options = options
        self._requests: dict[str, Sequence[str]] = {}

    async def take(self, server: Server, *, rate: float = 0.0, connections: int = 0) -> Sample:
        if server.name not in self._requests:
            self._requests[server.name] = self._workload.requests(server)
        if self._workload.prepare is not None:
            await self._workload.prepare(server)
        load = Load(
            server.port,
            self._requests[server.name],
            connections or self._options.connections,
            seconds=self._options.seconds,
            rate=rate,
        )
        pids = server.pids
        before = cpu_seconds(pids)
        result = await self._workbench.load(load)
        return _sample(result, cpu_seconds(pids) - before)


def _sample(result: LoadResult, cpu: float) -> Sample:
    return Sample(
        rate=(result.requests - result.errors) / result.seconds,
        p50=result.p50,
        p99=result.p99,
        errors=result.errors,
        requests=result.requests,
        cpu=cpu / max(result.requests, 1),
        busy=cpu / max(result.seconds, 0.001),
    )
