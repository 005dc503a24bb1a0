"""Observes a namespace of a cluster, and publishes a frame every two seconds. It changes nothing."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from cartwheel.console.cluster.explanations import ClusterExplanations
from cartwheel.console.cluster.mesh_file import Measured
from cartwheel.console.cluster.prometheus import evaluate
from cartwheel.console.cluster.workloads import services_of
from cartwheel.console.headline import headline_of
from cartwheel.console.live import Live
from cartwheel.kubernetes.api import Json, KubernetesApi, get_all, path_of
from cartwheel.kubernetes.errors import ClusterError
from cartwheel.mesh import Frame, ReplicaState, ServiceState
from cartwheel.mesh.traffic import Traffic, traffic_of

INTERVAL = 2.0
"""Seconds between two frames: as often as our Prometheus scrapes."""


class ClusterSource:
    """A part of the console: a namespace of a cluster."""

    def __init__(
        self, api: KubernetesApi, namespace: str, live: Live, *, measured: Measured, source: str
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._live = live
        self._measured = measured
        self._explanations = ClusterExplanations(api, namespace, live, source=source)
        self._traffic = Traffic()
        self._frame: Frame | None = None
        self.routes = self._explanations.routes

    async def run(self) -> None:
        """Publish frames until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._explanations.run())
            tasks.create_task(self._publish_frames())

    async def _publish_frames(self) -> None:
        while True:
            began = time.monotonic()
            self._live.publish(await asyncio.to_thread(self._next_frame))
            await asyncio.sleep(max(began + INTERVAL - time.monotonic(), 0.0))

    def _next_frame(self) -> Frame:
        """The services as they are; what cannot be read is the problem of the frame."""
        before, problems = self._frame, []
        try:
            services = self._services()
        except ClusterError as error:
            services = before.services if before else ()
            problems.append(f"The cluster cannot be read: {error}")
        earlier, self._traffic = self._traffic, Traffic()
        if not problems:
            problems += self._read_traffic()
        frame = Frame(
            time.time(),
            services=[_with_traffic(one, self._traffic) for one in services],
            edges=self._traffic.edges(earlier),
            autoscaler=self._explanations.state_of(services, self._traffic),
            problem=" ".join(problems) or _emptiness(self._namespace, services),
        )
        self._frame = replace(frame, headline=headline_of(frame, before))
        return self._frame

    def _services(self) -> Sequence[ServiceState]:
        """Raises `ClusterError`."""
        deployments, pods = (
            _items(found)
            for found in get_all(
                self._api,
                [
                    path_of("apis", "apps", "v1", "namespaces", self._namespace, "deployments"),
                    path_of("api", "v1", "namespaces", self._namespace, "pods"),
                ],
            )
        )
        return services_of(deployments, pods)

    def _read_traffic(self) -> Iterator[str]:
        """Remember the traffic, or say why there is none."""
        measured = self._measured
        try:
            results = evaluate(self._api, measured.prometheus, measured.queries)
        except ClusterError as error:
            yield (
                f"The traffic cannot be seen: Prometheus {measured.prometheus} does not respond "
                f"({error}) Another one, or other metrics: see {self._namespace}.console.yaml in "
                "docs/console.md."
            )
            return
        self._traffic = traffic_of(results, window=measured.window)


def _items(found: Json | ClusterError) -> Sequence[Json]:
    if isinstance(found, ClusterError):
        raise found
    items: Sequence[Json] = found.get("items") or ()
    return items


def _emptiness(namespace: str, services: Sequence[ServiceState]) -> str:
    if services:
        return ""
    return f"Namespace {namespace} has no Deployment. To deploy the shop there: skaffold dev"


def _with_traffic(service: ServiceState, traffic: Traffic) -> ServiceState:
    found = traffic.service(service.name)
    return replace(
        service,
        replicas=[_replica_with_traffic(one, traffic) for one in service.replicas],
        rate=found.rate,
        errors=found.errors,
        shed=found.shed,
        p95=found.p95,
        store=found.store,
    )


def _replica_with_traffic(replica: ReplicaState, traffic: Traffic) -> ReplicaState:
    found = traffic.replica(replica.name)
    is_serving = replica.phase == "ready" and found.is_serving
    return replace(
        replica,
        phase="serving" if is_serving else replica.phase,
        rate=found.rate,
        cpu=found.cpu,
        memory=found.memory,
        in_flight=found.in_flight,
    )
