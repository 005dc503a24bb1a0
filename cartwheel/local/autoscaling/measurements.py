"""The metrics of an autoscaler, measured on the replicas of the local run."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from cartwheel.autoscaling.manifests import Autoscaler
from cartwheel.autoscaling.observation import Reading
from cartwheel.autoscaling.scaled_object import ScaledObject, Trigger
from cartwheel.autoscaling.spec import Metric, ResourceMetric
from cartwheel.errors import UsageError
from cartwheel.local.autoscaling.cpu_sampler import CpuSampler
from cartwheel.local.autoscaling.query_metric import QueryMetric
from cartwheel.local.replica_process import SCRAPED_STATES, Replica
from cartwheel.local.scraper import Scraper, Target
from cartwheel.mesh.queries import serving_query
from cartwheel.promql import Query, QueryError, SampleStore, parse_query

# Resolutions in which a replica has to receive a request to count as serving.
SERVING_SAMPLES = 4
SUPPORTED = "it measures CPU, and evaluates the queries of prometheus triggers."


@dataclass(frozen=True)
class CpuMetric:
    """The CPU time of the processes of a replica."""


MetricSource = CpuMetric | QueryMetric


class Measurements:
    """Samples replicas, and reads from the samples each metric, in the order of the autoscaler."""

    def __init__(
        self, metrics: Sequence[MetricSource], *, resolution: float, scrape_timeout: float
    ) -> None:
        self._serving = _serving_query(resolution)
        self._store = SampleStore(self._serving.metric_names, longest_range=0.0)
        self._scraper = Scraper(self._store, timeout=scrape_timeout)
        self._metrics: Sequence[MetricSource] = ()
        self._cpu: CpuSampler | None = None
        self.change(metrics)

    def change(self, metrics: Sequence[MetricSource]) -> None:
        """Measure these metrics from now on; the samples that they need and that exist stay."""
        self._metrics = metrics
        queries = [metric.query for metric in metrics if isinstance(metric, QueryMetric)]
        if len(queries) == len(metrics):
            self._cpu = None
        elif self._cpu is None:
            self._cpu = CpuSampler()
        queries.append(self._serving)
        self._store.keep(
            {name for query in queries for name in query.metric_names},
            longest_range=max(query.longest_range for query in queries),
        )

    async def measure(self, replicas: Sequence[Replica]) -> None:
        """Take one sample of each replica."""
        if self._cpu is not None:
            self._cpu.measure(replicas)
        await self._scraper.scrape(_targets_of(replicas))

    async def measure_new(self, replicas: Sequence[Replica]) -> None:
        """Take the first sample of each replica that has become ready."""
        await self._scraper.scrape_new(_targets_of(replicas))

    def serving(self, at: float) -> Collection[str]:
        """The names of the replicas that have lately received requests."""
        found = self._serving.evaluate(self._store, at)
        return {one.labels["instance"] for one in found if one.value > 0}

    def readings(self, at: float) -> list[Reading]:
        """The value of each metric at that time."""
        return [self._reading(metric, at) for metric in self._metrics]

    def _reading(self, metric: MetricSource, at: float) -> Reading:
        if isinstance(metric, QueryMetric):
            return metric.reading(self._store, at)
        assert self._cpu is not None
        return self._cpu.reading()

    @property
    def failures(self) -> Mapping[str, str]:
        """Why a replica could not be measured the last time, by its name."""
        return self._scraper.failures


def _targets_of(replicas: Sequence[Replica]) -> list[Target]:
    return [
        Target(one.name, {"instance": one.name}, one.port)
        for one in replicas
        if one.state in SCRAPED_STATES and one.port
    ]


def _serving_query(resolution: float) -> Query:
    """Requests of the last samples, or all of a replica that was sampled only once."""
    window = f"{math.ceil(SERVING_SAMPLES * 1000 * resolution)}ms"
    return parse_query(serving_query(window))


def metrics_of(autoscaler: Autoscaler) -> Sequence[MetricSource]:
    """The metrics that `Measurements` takes. Raises `UsageError` for one that it cannot measure."""
    if isinstance(autoscaler, ScaledObject):
        return [_metric_of_trigger(trigger) for trigger in autoscaler.triggers]
    return [_metric_of(metric) for metric in autoscaler.metrics]


def _metric_of_trigger(trigger: Trigger) -> MetricSource:
    if trigger.type == "cpu":
        return CpuMetric()
    if trigger.type != "prometheus":
        raise UsageError(f"the local run cannot measure a trigger {trigger.type}: {SUPPORTED}")
    try:
        return QueryMetric.of(trigger.metadata)
    except QueryError as error:
        raise UsageError(f"the local run cannot evaluate its query: {error}") from None


def _metric_of(metric: Metric) -> MetricSource:
    if isinstance(metric, ResourceMetric) and metric.resource == "cpu":
        return CpuMetric()
    name = metric.resource if isinstance(metric, ResourceMetric) else metric.name
    raise UsageError(f"the local run cannot measure the metric {name}: {SUPPORTED}")
