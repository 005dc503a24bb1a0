"""Benches of servers under load: visits in rounds, and the table they make."""

import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from cartwheel.bench.agreement import Check, check_agreement
from cartwheel.bench.load_generator import Load, LoadResult
from cartwheel.bench.options import Options
from cartwheel.bench.results import Column, Value, paired_ratio
from cartwheel.bench.rounds import Progress, measure_rounds
from cartwheel.bench.usage import cpu_seconds, memory_mebibytes
from cartwheel.bench.workbench import Server, Workbench


@dataclass(frozen=True)
class Workload:
    """What is sent to the servers; ratios are to the server named `base`.

    `reset` empties the store before the checks, `prepare` fills it before each visit.
    """

    requests: Callable[[Server], Sequence[str]]
    base: str
    checks: Sequence[Check] = ()
    reset: Callable[[], Awaitable[None]] | None = None
    prepare: Callable[[Server], Awaitable[None]] | None = None


@dataclass(frozen=True)
class Sample:
    """One visit. Times in seconds; `cpu` is that of the server's processes for one request."""

    rate: float
    p50: float
    p99: float
    errors: int
    requests: int
    cpu: float


@dataclass(frozen=True)
class Measured:
    """The samples of each server, by its name, and its memory afterwards in MiB."""

    samples: Mapping[str, Sequence[Sample]]
    memory: Mapping[str, float]
    base: str

    def median(self, name: str, member: str) -> float | None:
        """The median of all rounds; None if that server was not measured."""
        values = [getattr(sample, member) for sample in self.samples.get(name, ())]
        return median(values) if values else None

    def ratio(self, member: str, name: str, base: str) -> float | None:
        """Paired by round; None if one of the two was not measured."""
        mine, other = self.samples.get(name, ()), self.samples.get(base, ())
        if not mine or not other:
            return None
        return paired_ratio(
            [getattr(one, member) for one in mine], [getattr(one, member) for one in other]
        )

    def raw(self) -> list[dict[str, Any]]:
        """Every sample, for programs."""
        return [
            {"variant": name, "round": number, **dataclasses.asdict(sample)}
            for name, samples in self.samples.items()
            for number, sample in enumerate(samples, 1)
        ]

    def rows(self) -> list[dict[str, Value]]:
        return [self._row(name) for name in self.samples]

    def _row(self, name: str) -> dict[str, Value]:
        def scaled(member: str, factor: float) -> float:
            return (self.median(name, member) or 0.0) * factor

        return {
            "variant": name,
            "rate": self.median(name, "rate"),
            "p50": scaled("p50", 1e3),
            "p99": scaled("p99", 1e3),
            "errors": sum(sample.errors for sample in self.samples[name]),
            "cpu": scaled("cpu", 1e6),
            "cpu_ratio": self.ratio("cpu", name, self.base),
            "rate_ratio": self.ratio("rate", name, self.base),
            "memory": self.memory[name],
        }


def columns(base: str) -> tuple[Column, ...]:
    """The columns of `Measured.rows`."""
    return (
        Column("variant", "variant"),
        Column("rate", "requests/s"),
        Column("p50", "p50 ms", 1),
        Column("p99", "p99 ms", 1),
        Column("errors", "errors"),
        Column("cpu", "CPU µs"),
        Column("cpu_ratio", f"CPU ÷ {base}", 2),
        Column("rate_ratio", f"req/s ÷ {base}", 2),
        Column("memory", "MiB"),
    )


async def measure(
    workbench: Workbench,
    servers: Sequence[Server],
    workload: Workload,
    *,
    options: Options,
    progress: Progress,
) -> Measured:
    """Check that the servers answer alike, then measure them. Raises `CommandError`."""
    await check_agreement(servers, workload.checks, reset=workload.reset)
    requests = {server.name: workload.requests(server) for server in servers}

    async def visit(server: Server) -> Sample:
        if workload.prepare is not None:
            await workload.prepare(server)
        load = Load(
            server.port, requests[server.name], options.connections, seconds=options.seconds
        )
        pids = server.pids
        before = cpu_seconds(pids)
        result = await workbench.load(load)
        return _sample(result, cpu_seconds(pids) - before)

    samples = await measure_rounds(servers, visit, rounds=options.rounds, progress=progress)
    memory = {server.name: memory_mebibytes(server.pids) for server in servers}
    base = workload.base if workload.base in samples else next(iter(samples))
    return Measured(samples, memory, base)


def _sample(result: LoadResult, cpu: float) -> Sample:
    return Sample(
        rate=(result.requests - result.errors) / result.seconds,
        p50=result.p50,
        p99=result.p99,
        errors=result.errors,
        requests=result.requests,
        cpu=cpu / max(result.requests, 1),
    )
