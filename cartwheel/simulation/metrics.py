"""What the autoscaler would read of the modelled workload, with the delays of the real chain."""

import math
from collections.abc import Sequence

from cartwheel.autoscaling.observation import Pod, PodSamples, Sample, Scale
from cartwheel.simulation.assumptions import Assumptions
from cartwheel.simulation.workload import Replica, Workload


class Metrics:
    """The readings of one workload, at its present time.

    Each of the ``containers`` that the autoscaler names has all CPU of its pod, and its request.
    """

    def __init__(
        self, workload: Workload, assumptions: Assumptions, containers: Sequence[str] = ()
    ) -> None:
        self.cpu_request = round(assumptions.cpu_request)
        self._workload = workload
        self._assumptions = assumptions
        self._requests = {"cpu": self.cpu_request}
        self._requests_by_container = dict.fromkeys(containers, self._requests)

    def request_rate(self) -> int:
        """Arrivals a second in thousandths, as `sum(rate(x[window]))` over scraped counters.

        Prometheus sees the counters at its scrapes only: the rate is that between the first and
        the last scrape in the window, and 0 with a single one.
        """
        assumed = self._assumptions
        at = self._workload.now - assumed.delay
        last = math.floor(at / assumed.scrape) * assumed.scrape
        first = (math.floor((at - assumed.window) / assumed.scrape) + 1) * assumed.scrape
        if first >= last:
            return 0
        arrived = self._workload.shape.arrived
        return round(1000 * (arrived(last) - arrived(first)) / (last - first))

    def last_cpu_sample(self) -> float:
        """When metrics-server last measured."""
        at = self._workload.now - self._assumptions.delay
        return math.floor(at / self._assumptions.resolution) * self._assumptions.resolution

    def all_are_settled(self, at: float) -> bool:
        """Whether every replica was ready in the whole sample that ends at a time."""
        return self._workload.replicas[-1].ready_at <= at - self._assumptions.resolution

    def settled_cpu(self, at: float) -> int:
        """The CPU of such a replica."""
        return self._cpu(at - self._assumptions.resolution, at)

    def cpu_samples(self) -> PodSamples:
        """A sample of each replica that has been there for a whole window."""
        at = self.last_cpu_sample()
        start = at - self._assumptions.resolution
        return PodSamples(
            {
                one.name: Sample(
                    self._cpu(max(start, one.ready_at), at), at, self._assumptions.resolution
                )
                for one in self._workload.replicas
                if one.started_at <= start
            }
        )

    def requests_by_pod(self) -> PodSamples:
        """Requests served a second by each ready replica: what a Pods metric would be."""
        assumed = self._assumptions
        last = math.floor((self._workload.now - assumed.delay) / assumed.scrape)
        at = last * assumed.scrape
        start = at - assumed.window
        return PodSamples(
            {
                one.name: Sample(
                    round(1000 * self._served(max(start, one.ready_at), at) / assumed.window),
                    at,
                    assumed.window,
                )
                for one in self._workload.replicas
                if one.ready_at < at
            }
        )

    def scale(self) -> Scale:
        count = len(self._workload.replicas)
        return Scale(count, count)

    def pods(self) -> list[Pod]:
        return [self._pod(one) for one in self._workload.replicas]

    def _pod(self, replica: Replica) -> Pod:
        is_ready = replica.ready_at <= self._workload.now
        return Pod(
            replica.name,
            ready=is_ready,
            ready_since=replica.ready_at if is_ready else replica.started_at,
            started_at=replica.started_at,
            requests=self._requests_by_container,
            pod_requests=self._requests,
        )

    def _cpu(self, start: float, end: float) -> int:
        """Thousandths of a core on average over a window, rounded up as the metrics API does."""
        seconds = self._assumptions.resolution
        cores = self._served(start, end) * self._assumptions.cpu_per_request / seconds
        return math.ceil(cores + self._assumptions.cpu_idle - 1e-6)

    def _served(self, start: float, end: float) -> float:
        return self._workload.served_by_replica(start, end) if start < end else 0.0
