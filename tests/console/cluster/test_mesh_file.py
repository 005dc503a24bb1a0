"""How the traffic of a namespace is measured."""

from pathlib import Path

import pytest

from cartwheel.console.cluster.mesh_file import measured_in
from cartwheel.errors import UsageError
from cartwheel.mesh.queries import Name


def test_without_a_file_a_namespace_is_measured_as_the_shop(tmp_path: Path) -> None:
    measured = measured_in("shop", folder=tmp_path)

    assert str(measured.prometheus) == "shop/prometheus:9090"
    assert set(measured.queries) == set(Name)
    assert "[8s]" in measured.queries[Name.RECEIVED]


def test_a_file_names_the_prometheus_and_its_queries(tmp_path: Path) -> None:
    (tmp_path / "other.console.yaml").write_text(
        "prometheus: monitoring/prometheus-operated:9091\n"
        "window: 2m\n"
        "queries:\n"
        "  received: sum by (service, instance) (rate(requests[2m]))\n"
    )

    measured = measured_in("other", folder=tmp_path)

    assert str(measured.prometheus) == "monitoring/prometheus-operated:9091"
    assert measured.window == 120
    assert measured.queries == {
        Name.RECEIVED: "sum by (service, instance) (rate(requests[2m]))",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("queries: {}", "prometheus: Field required"),
        ("prometheus: p\nqueries: {}", "prometheus: Value error, is not NAMESPACE/SERVICE"),
        ("prometheus: a/p\nwindow: 1h\nqueries: {}", "window: Value error, is not a time such as"),
        ("prometheus: a/p\nqueries: {speed: up}", "there is no query 'speed': choose received, "),
        ("prometheus: a/p\nqueries: {}\ncolour: red", "colour: Extra inputs are not permitted"),
        ("prometheus: [", "is no YAML: "),
        ("# " + "x" * 70_000, "has more than 64 KiB"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_sentence(
    tmp_path: Path, content: str, message: str
) -> None:
    (tmp_path / "other.console.yaml").write_text(content)

    with pytest.raises(UsageError) as error:
        measured_in("other", folder=tmp_path)

    assert str(error.value).startswith("other.console.yaml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
