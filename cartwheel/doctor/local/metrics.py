"""The metrics of the replicas that the local autoscaler scales: does its query find its series?"""

import asyncio
import time
from collections.abc import Iterator, Sequence

from cartwheel.autoscaling.observation import Unavailable
from cartwheel.doctor.check import Check
from cartwheel.doctor.finding import Finding, Healthy, Outcome
from cartwheel.doctor.local.machine import Machine
from cartwheel.doctor.words import count
from cartwheel.errors import UsageError
from cartwheel.local.autoscaling.chosen import (
    ChosenAutoscaler,
    autoscaler_of_text,
    choose_autoscaler,
)
from cartwheel.local.autoscaling.query_metric import QueryMetric
from cartwheel.local.replica_process import State
from cartwheel.local.scraper import ScrapeError, scrape
from cartwheel.local.topology import SHOP, by_name
from cartwheel.promql import SampleStore

SCRAPE_TIMEOUT = 2.0  # seconds


def examine(machine: Machine) -> Iterator[Outcome]:
    try:
        chosen = _chosen(machine)
    except UsageError as error:
        yield Finding(
            about="autoscaler",
            problem="its file cannot be used, so `cartwheel up` does not start",
            evidence=str(error).rstrip("."),
            command="export CARTWHEEL_AUTOSCALE=off",
        )
        return
    if chosen is None or machine.running_pid is None:
        return
    ports = _ready_replicas(machine, chosen.service)
    queries = [metric for metric in chosen.metrics if isinstance(metric, QueryMetric)]
    findings = [
        finding
        for name, port in ports.items()
        if (finding := _wrong_with(machine, chosen, name, port, queries))
    ]
    yield from findings
    if ports and not findings:
        found = ", with what the autoscaler's query needs" if queries else ""
        yield Healthy(f"metrics of {count(len(ports), f'{chosen.service} replica')}{found}")


def _chosen(machine: Machine) -> ChosenAutoscaler | None:
    """What is in force in the running shop, else the setting of the next start."""
    if machine.running_pid is None:
        return choose_autoscaler(machine.settings.autoscale, by_name(SHOP))
    if machine.manifest is None:
        return None
    return autoscaler_of_text(machine.manifest, by_name(SHOP), source="the manifest in force")


def _ready_replicas(machine: Machine, service: str) -> dict[str, int]:
    """The port of each ready replica, by its name."""
    return {
        replica["replica"]: replica["port"]
        for each in machine.status["services"]
        if each["service"] == service
        for replica in each["replicas"]
        if replica["state"] == State.READY
    }


def _wrong_with(
    machine: Machine,
    chosen: ChosenAutoscaler,
    replica: str,
    port: int,
    queries: Sequence[QueryMetric],
) -> Finding | None:
    try:
        exposition = asyncio.run(scrape(port, timeout=SCRAPE_TIMEOUT))
    except ScrapeError as error:
        return Finding(
            about=replica,
            problem=f"it {error}: the autoscaler does not see its requests",
            evidence=f"GET http://127.0.0.1:{port}/metrics",
            command=machine.command(f"restart {chosen.service}"),
            follows_from=[f"replicas {replica}"],
        )
    for metric in queries:
        if not _has_result(metric, replica, exposition):
            query = " ".join(metric.query.text.split())
            return Finding(
                about=replica,
                problem="its metrics lack what the autoscaler's query needs",
                evidence=f"the query has no result on its metrics alone: {query}",
                command=f"curl --noproxy '*' http://127.0.0.1:{port}/metrics",
            )
    return None


def _has_result(metric: QueryMetric, replica: str, exposition: bytes) -> bool:
    """Whether the query has a result on one scrape of one replica, as after its first second."""
    store = SampleStore(metric.query.metric_names, longest_range=metric.query.longest_range)
    now = time.time()
    store.add_scrape({"instance": replica}, now, exposition)
    return not isinstance(metric.reading(store, now), Unavailable)


CHECK = Check("metrics", "the metrics that the local autoscaler's query needs", examine)
