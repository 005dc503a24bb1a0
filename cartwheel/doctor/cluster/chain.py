"""The chain of a ScaledObject, link by link: scrape → query → external metric → autoscaler.

The first link that is broken is the finding; those before it hold.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cartwheel.autoscaling.quantities import format_number, parse_quantity, rounded
from cartwheel.autoscaling.scaled_object import RESOURCE_TRIGGERS
from cartwheel.doctor.check import Check
from cartwheel.doctor.cluster.api_services import EXTERNAL
from cartwheel.doctor.cluster.external_metrics import (
    external_metric,
    external_metric_names,
    has_its_metrics,
)
from cartwheel.doctor.cluster.keda_installation import (
    DEFAULT_NAMESPACE,
    WITHOUT_METRICS,
    keda_namespace,
)
from cartwheel.doctor.cluster.prometheus_servers import Server, server_of, servers_of
from cartwheel.doctor.cluster.view import ClusterView, condition_of
from cartwheel.doctor.finding import Finding, Healthy, Outcome, Unseen
from cartwheel.kubernetes.api import Json
from cartwheel.kubernetes.errors import ClusterError, Forbidden, NotFound, Unavailable, Unreachable
from cartwheel.kubernetes.history import last_time_of

BEHIND_THE_METRIC = (*WITHOUT_METRICS, f"metric-apis {EXTERNAL}")
REJECTED = "the server rejected our request"
NOTHING = "nothing"
NOT_REACHED = re.compile(r"deadline exceeded|canceled|refused|no route|timeout")
QUERY_IN_URL = re.compile(r"\?query=[^\"\s]*")
NAME_IN_QUERY = re.compile(r"\b([a-zA-Z_:][\w:]*)\s*[{\[]")


@dataclass(frozen=True)
class Link:
    """A trigger of a ScaledObject, and the name of its metric in the external API."""

    scaled_object: Json
    trigger: Mapping[str, Any]
    metric: str | None

    @property
    def about(self) -> str:
        return f"scaledobject/{self.scaled_object['metadata']['name']}"

    @property
    def query(self) -> str:
        return str(self.trigger["metadata"].get("query", ""))

    @property
    def address(self) -> str:
        return str(self.trigger["metadata"].get("serverAddress", ""))

    @property
    def has_credentials(self) -> bool:
        """Whether KEDA shows the server who it is, which the API server's proxy does not."""
        metadata = self.trigger["metadata"]
        shown = metadata.get("authModes") or metadata.get("customHeaders")
        return bool(shown or self.trigger.get("authenticationRef"))


def examine(view: ClusterView) -> Iterator[Outcome]:
    for scaled_object in view.list("scaledobjects"):
        outcomes = [*_of_scaled_object(view, scaled_object)]
        yield from outcomes
        if not any(isinstance(each, Finding) for each in outcomes):
            name = scaled_object["metadata"]["name"]
            yield Healthy(f"the chain of scaledobject/{name} holds")


def _of_scaled_object(view: ClusterView, scaled_object: Json) -> Iterator[Outcome]:
    for link in _links(scaled_object):
        outcomes = [*_of_link(view, link)]
        yield from outcomes
        if any(isinstance(each, Finding) for each in outcomes):
            return
    yield from _status(view, scaled_object)


def _links(scaled_object: Json) -> Iterator[Link]:
    names = external_metric_names(scaled_object)
    triggers = scaled_object["spec"]["triggers"]
    for index, trigger in enumerate(triggers):
        if trigger["type"] in RESOURCE_TRIGGERS:
            continue
        # KEDA names them `s0-prometheus`, by the index of the trigger.
        name = next((each for each in names if each.startswith(f"s{index}-")), None)
        yield Link(scaled_object, trigger, name)


def _of_link(view: ClusterView, link: Link) -> Iterator[Outcome]:
    if link.trigger["type"] == "prometheus":
        outcomes = [*_of_query(view, link)]
        yield from outcomes
        if any(isinstance(each, Finding) for each in outcomes):
            return
    if link.metric is not None:
        yield from _external_metric(view, link, link.metric)


def _of_query(view: ClusterView, link: Link) -> Iterator[Outcome]:
    server = server_of(view, link.address)
    if server is None:
        yield Unseen(
            f"the Prometheus of {link.about}: {link.address or 'no address'} is outside the "
            "cluster, or in a namespace that cannot be seen"
        )
    elif link.has_credentials:
        yield Unseen(f"the result of the query of {link.about}: KEDA has credentials for it")
    else:
        yield from _query(view, link, server)


def _query(view: ClusterView, link: Link, server: Server) -> Iterator[Outcome]:
    try:
        result = view.get(server.path("/api/v1/query", query=link.query))["data"]["result"]
    except (Forbidden, Unreachable) as error:
        yield Unseen(f"the result of the query of {link.about}: {error}")
        return
    except (NotFound, Unavailable) as error:
        if has_its_metrics(view, link.scaled_object):
            # What stands between is in our way and not in KEDA's.
            yield Unseen(f"the result of the query of {link.about}: {error}")
        else:
            yield _no_result(view, link, server, str(error))
        return
    problem = _problem_of_result(result)
    if problem is None:
        yield Healthy(f"the query of {link.about} gives {_value(result):g}")
        return
    if problem == NOTHING and link.trigger["metadata"].get("ignoreNullValues") != "false":
        # The default.
        meaning = "KEDA takes nothing for 0 and scales down (ignoreNullValues)"
    else:
        meaning = "KEDA takes that for an error"
    yield Finding(
        about=link.about,
        problem=f"its query gives {problem}, and {meaning}",
        evidence=f"Prometheus {server.name} was asked: {' '.join(link.query.split())}",
        command=_look_for_series(view, link, server),
        follows_from=[server.finding],
    )


def _no_result(view: ClusterView, link: Link, server: Server, message: str) -> Finding:
    # What kubectl says of a status 400.
    refused = REJECTED in message
    problem = "does not accept its query" if refused else "does not respond to its query"
    asked = f"it was asked: {' '.join(link.query.split())}" if refused else message.rstrip(".")
    return Finding(
        about=link.about,
        problem=f"Prometheus {server.name} {problem}",
        evidence=asked,
        command=view.kubectl(f"edit {link.about}"),
        follows_from=[server.finding],
    )


def _problem_of_result(result: Any) -> str | None:
    if isinstance(result, list) and not result:
        return NOTHING
    # A scalar is [time, value] and no list of series.
    if isinstance(result[0], Mapping) and len(result) > 1:
        return f"{len(result)} series instead of one"
    value = _value(result)
    return str(value) if math.isnan(value) or math.isinf(value) else None


def _value(result: Any) -> float:
    first = result[0]
    return float(first["value"][1] if isinstance(first, Mapping) else result[1])


def _look_for_series(view: ClusterView, link: Link, server: Server) -> str:
    """Counts the series of the metric, whatever their labels."""
    names = NAME_IN_QUERY.findall(link.query)
    query = f"count by (service,job) ({names[0]})" if names else "up"
    return view.kubectl(f"get --raw '{server.path('/api/v1/query', query=query)}'", "")


def _external_metric(view: ClusterView, link: Link, metric: str) -> Iterator[Outcome]:
    try:
        items = external_metric(view, link.scaled_object, metric)
    except Forbidden as error:
        yield Unseen(f"the external metric of {link.about}: {error}")
        return
    except ClusterError as error:
        yield _not_handed_on(view, link, str(error))
        return
    if items:
        value = format_number(rounded(parse_quantity(items[0]["value"])))
        yield Healthy(f"KEDA hands on {value} for {link.about}")


def _not_handed_on(view: ClusterView, link: Link, message: str) -> Finding:
    event = _last_failure(view, link)
    server = server_of(view, link.address)
    if server and event and NOT_REACHED.search(event):
        # The query had a result when it went through the API server.
        problem = f"KEDA does not reach Prometheus {server.name}, which responds to others"
        command = view.kubectl("get networkpolicies", server.namespace)
    else:
        problem = "KEDA cannot get its metric"
        command = (
            view.kubectl("logs deployment/keda-operator --tail 200", _namespace_of_keda(view))
            + " | grep -i error | tail -3"
        )
    evidence = f"KEDA's event: {event}" if event else f"the external metric: {message}"
    return Finding(
        about=link.about,
        problem=problem,
        evidence=evidence.rstrip("."),
        command=command,
        follows_from=BEHIND_THE_METRIC,
    )


def _namespace_of_keda(view: ClusterView) -> str:
    try:
        return keda_namespace(view) or DEFAULT_NAMESPACE
    except ClusterError:
        return DEFAULT_NAMESPACE


def _last_failure(view: ClusterView, link: Link) -> str | None:
    """What KEDA's last event about the ScaledObject says: it names the address it asked."""
    name = link.scaled_object["metadata"]["name"]
    failures = [
        each
        for each in view.list("events")
        if each["involvedObject"].get("name") == name and each.get("reason") == "KEDAScalerFailed"
    ]
    if not failures:
        return None
    # The query is long, and known.
    return QUERY_IN_URL.sub("?query=…", str(max(failures, key=_order_of)["message"]))


def _order_of(event: Json) -> str:
    return last_time_of(event) or ""


def _status(view: ClusterView, scaled_object: Json) -> Iterator[Outcome]:
    about = f"scaledobject/{scaled_object['metadata']['name']}"
    ready, fallback = (condition_of(scaled_object, kind) for kind in ("Ready", "Fallback"))
    if ready.get("status") == "False":
        yield Finding(
            about=about,
            problem="KEDA does not accept or cannot serve it",
            evidence=f"condition Ready: {ready.get('reason')}: {ready.get('message', '')}",
            command=view.kubectl(f"describe {about}"),
            follows_from=[*BEHIND_THE_METRIC, f"two-autoscalers {about}"],
        )
    elif fallback.get("status") == "True":
        health = (scaled_object.get("status") or {}).get("health") or {}
        yield Finding(
            about=about,
            problem="it runs on its fallback, not on its metric",
            evidence=f"condition Fallback is True; failures: {json.dumps(health)}",
            command=view.kubectl(f"describe {about}"),
            follows_from=[
                *BEHIND_THE_METRIC,
                *(each.finding for each in servers_of(view, scaled_object)),
            ],
        )


CHECK = Check("chain", "each link from the scrape over query and external metric to KEDA", examine)
