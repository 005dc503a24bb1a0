"""A service has one name everywhere, and its metrics the names the dashboards ask for."""

import re
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from fastapi.routing import iter_route_contexts
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from app.telemetry.metrics import UNMATCHED
from tests.contracts.documents import app_of, document_of
from tests.support.shop import SERVICES, WITH_STORE, Shop

ROOT = Path(__file__).parents[2]
EACH_SERVICE = pytest.mark.parametrize("service", SERVICES)

OF_EVERY_SERVICE = {
    "http_requests_received_total",
    "http_request_duration_seconds",
    "http_requests_in_flight",
    "http_requests_shed_total",
    "http_concurrency_limit",
    "http_slots_in_use",
    "http_requests_queued",
    "http_client_request_duration_seconds",
    "http_client_retries_total",
    "http_client_breaker_open",
    "event_loop_lag_seconds",
    "store_operation_duration_seconds",
    "build_info",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_open_fds",
    "process_start_time_seconds",
}
OF_ONE_SERVICE = {
    "products": {"stock_reservations_total"},
    "cart": {"cart_items_added_total"},
    "user": {"sessions_total"},
    "tracking": {"orders_total"},
}
# Beside what the document has: probes are not counted at all.
NOT_IN_DOCUMENTS = {UNMATCHED, "/openapi.json", "/docs"}


def test_the_folders_are_the_services() -> None:
    folders = {path.parent.name for path in (ROOT / "services").glob("*/main.py")}
    assert folders == set(SERVICES)


@EACH_SERVICE
def test_the_app_has_the_name_of_its_folder(service: str) -> None:
    assert app_of(service).state.service == service
    assert app_of(service).state.metrics.service == service


@EACH_SERVICE
def test_the_deployment_and_the_service_in_the_cluster_have_it_too(service: str) -> None:
    folder = ROOT / "manifests" / "base" / service
    names = {
        kind: yaml.safe_load((folder / file).read_text())["metadata"]["name"]
        for kind, file in (("Deployment", "deployment.yaml"), ("Service", "service.yaml"))
    }
    assert names == {"Deployment": service, "Service": service}
    labels = yaml.safe_load((folder / "kustomization.yaml").read_text())["labels"]
    assert service in {one["pairs"].get("app.kubernetes.io/name") for one in labels}


@EACH_SERVICE
def test_each_sample_carries_the_name_of_its_service(shop: Shop, service: str) -> None:
    samples = [sample for family in _families(shop, service) for sample in family.samples]
    assert samples
    assert {sample.labels["service"] for sample in samples} == {service}


@EACH_SERVICE
def test_a_service_has_the_metrics_it_was_designed_with(shop: Shop, service: str) -> None:
    types = re.findall(
        r"^# TYPE (\S+)", shop.request(service, "GET", "/metrics").text, re.MULTILINE
    )
    assert OF_EVERY_SERVICE | OF_ONE_SERVICE.get(service, set()) <= set(types)


@pytest.mark.parametrize("service", WITH_STORE)
def test_a_store_is_observed_where_there_is_one(shop: Shop, service: str) -> None:
    assert f'service="{service}",store="' in shop.request(service, "GET", "/metrics").text


@EACH_SERVICE
def test_requests_are_counted_by_the_templates_of_the_document(shop: Shop, service: str) -> None:
    asked = set()
    for template, methods in document_of(service)["paths"].items():
        for method in methods:
            path = re.sub(r"\{\w+(:path)?\}", lambda _: f"A{uuid4().hex}", template)
            shop.request(service, method.upper(), path)
            asked.add((template, method.upper()))
    counted = _counted(shop, service)
    assert asked <= counted
    templates = set(document_of(service)["paths"]) | NOT_IN_DOCUMENTS
    if service == "storefront":
        # Its pages are for people, and in no document for programs.
        templates |= {one.path_format or "" for one in iter_route_contexts(app_of(service).routes)}
    assert {route for route, _ in counted} <= templates


def _counted(shop: Shop, service: str) -> set[tuple[str, str]]:
    return {
        (sample.labels["route"], sample.labels["method"])
        for family in _families(shop, service)
        for sample in family.samples
        if sample.name == "http_requests_received_total"
    }


def _families(shop: Shop, service: str) -> list[Metric]:
    return list(text_string_to_metric_families(shop.request(service, "GET", "/metrics").text))
