"""Observes a namespace of a cluster and publishes frames. It changes nothing."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from cartwheel.console.cluster.explanations import ClusterExplanations
from cartwheel.console.cluster.mesh_file import SUFFIX, Measured
from cartwheel.console.cluster.prometheus import WrongQuery, evaluate
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
        self, api: KubernetesApi, namespace: str, live: Live, *, measured: Measured, title: str
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._live = live
        self._measured = measured
        self._explanations = ClusterExplanations(api, namespace, live, source=title)
        # Of the last seconds, a little longer than the window of the rates.
        self._earlier: deque[Traffic] = deque(maxlen=math.ceil(measured.window / INTERVAL) + 1)
        self._frame: Frame | None = None
        self.routes = self._explanations.routes

    async def run(self) -> None:
        """Publish frames until cancelled."""
        # First: a frame without an autoscaler means that there is none.
        await self._explanations.explain()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._explanations.run())
            tasks.create_task(self._publish_frames())

    async def _publish_frames(self) -> None:
        while True:
            began = time.monotonic()
            self._live.publish(await asyncio.to_thread(self._next_frame))
            await asyncio.sleep(max(began + INTERVAL - time.monotonic(), 0.0))

    def _next_frame(self) -> Frame:
        """The mesh as it is; what cannot be read is the problem of the frame."""
        before = self._frame
        services, problem = self._read_services()
        is_old = bool(problem and services)
        traffic = Traffic()
        if not problem:
            traffic, problem = self._read_traffic()
        services = [_with_traffic(one, traffic) for one in services]
        frame = Frame(
            time.time(),
            services=services,
            edges=traffic.edges(self._earlier),
            autoscaler=self._explanations.state(services),
            problem=problem,
            is_old=is_old,
        )
        self._earlier.append(traffic)
        self._frame = replace(frame, headline=headline_of(frame, before))
        return self._frame

    def _read_services(self) -> tuple[Sequence[ServiceState], str]:
        """The services, and why there are none or old ones."""
        core, apps = ("api", "v1"), ("apis", "apps", "v1")
        paths = [
            path_of(*apps, "namespaces", self._namespace, "deployments"),
            path_of(*core, "namespaces", self._namespace, "pods"),
        ]
        try:
            deployments, pods = map(_items, get_all(self._api, paths))
        except ClusterError as error:
            known = self._frame.services if self._frame else ()
            return known, f"The cluster cannot be read. {error}"
        if not deployments:
            return (), (
                f"Namespace {self._namespace} has no Deployment. To deploy the shop: skaffold dev"
            )
        return services_of(deployments, pods), ""

    def _read_traffic(self) -> tuple[Traffic, str]:
        """The traffic, and why there is none."""
        measured = self._measured
        try:
            results = evaluate(self._api, measured.prometheus, measured.queries)
        except WrongQuery as error:
            return Traffic(), (
                f"No traffic is seen: Prometheus {measured.prometheus} rejects the query "
                f"{error.name} ({error}) To correct it, write it in {self._namespace}{SUFFIX} "
                "and start the console again."
            )
        except ClusterError as error:
            return Traffic(), (
                f"No traffic is seen: Prometheus {measured.prometheus} cannot be read ({error}) "
                f"To name another one, or other metrics, write {self._namespace}{SUFFIX}."
            )
        return traffic_of(results, window=measured.window), ""


def _items(found: Json | ClusterError) -> Sequence[Json]:
    if isinstance(found, ClusterError):
        raise found
    items: Sequence[Json] = found.get("items") or ()
    return items


def _with_traffic(service: ServiceState, traffic: Traffic) -> ServiceState:
    replicas = [_replica_with_traffic(one, traffic) for one in service.replicas]
    return traffic.service(service.name).added_to(replace(service, replicas=replicas))


def _replica_with_traffic(replica: ReplicaState, traffic: Traffic) -> ReplicaState:
    found = traffic.replica(replica.name)
    is_serving = replica.phase == "ready" and found.is_serving
    return found.added_to(replace(replica, phase="serving" if is_serving else replica.phase))
