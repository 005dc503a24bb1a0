"""The committed dashboards are what the code renders."""

import pytest

from monitoring.dashboards.__main__ import DASHBOARDS, FOLDER, render
from tests.monitoring.queries import panels


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_committed_json_is_what_the_code_renders(name: str) -> None:
    committed = (FOLDER / f"{name}.json").read_text()
    assert committed == render(name), "run: python -m monitoring.dashboards"


def test_grafana_is_given_all_dashboards() -> None:
    assert {file.stem for file in FOLDER.glob("*.json")} == set(DASHBOARDS)
    listed = (FOLDER.parent / "kustomization.yaml").read_text()
    assert all(f"dashboards/{name}.json" in listed for name in DASHBOARDS)


def test_a_slow_replica_of_the_cart_does_not_hide_in_the_average() -> None:
    (panel,) = [query for query in panels() if "Latency by replica" in query.place]
    assert panel.place.startswith("cart-and-its-autoscaler")
    assert "histogram_quantile(0.95, sum by (instance, le)" in panel.expression
