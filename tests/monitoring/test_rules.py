"""Recording and alerting rules: promtool's tests, and metric names that exist."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.manifests.objects import SERVICES
from tests.monitoring.prometheus import HOW_TO_GET_IT, installed
from tests.monitoring.queries import ROOT, Query, everything

RULE_TESTS = sorted((ROOT / "monitoring" / "prometheus" / "tests").glob("*.yaml"))
# Metrics of kube-state-metrics and of the Prometheus client library.
FOREIGN = re.compile(r"kube_\w+|process_\w+")
SELECTED = re.compile(r"([a-z_][a-z0-9_:]*)\s*(?=\{|\[)|(?<=\()([a-z]+_[a-z0-9_]+)(?=\))")
SUFFIXES = ("_bucket", "_count", "_sum", "_total")


@pytest.mark.fault(36)
@pytest.mark.skipif(not installed("promtool"), reason=HOW_TO_GET_IT)
@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.stem)
def test_alerts_fire_when_they_should_and_only_then(file: Path) -> None:
    verdict = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_every_metric_in_a_query_is_published_by_the_code() -> None:
    source = "\n".join(
        file.read_text()
        for folder in ("app", "services", "loadtest")
        for file in (ROOT / folder).rglob("*.py")
    )
    recorded = {query.place.partition(": ")[2] for query in everything()}
    unknown = {
        name
        for query in everything()
        for match in SELECTED.finditer(query.expression)
        if not FOREIGN.fullmatch(name := match[1] or match[2])
        and name not in recorded
        and f'"{_instrument(name)}"' not in source
        and f'"{name}"' not in source
    }
    assert not unknown


def _instrument(series: str) -> str:
    """The name in the code: a histogram publishes three series, each with a suffix."""
    for suffix in SUFFIXES:
        series = series.removesuffix(suffix)
    return series


def test_there_is_an_alert_for_every_service_without_replicas() -> None:
    (rule,) = [query for query in everything() if query.place == "alerts: ServiceIsNotSeen"]
    missed = re.findall(r'absent\(build_info\{service="(\w+)"\}\)', rule.expression)
    assert sorted(missed) == sorted(SERVICES)


@pytest.mark.parametrize("query", everything(), ids=lambda query: query.place)
def test_a_missing_series_is_not_drawn_or_counted_as_zero(query: Query) -> None:
    assert "or vector(" not in query.expression
