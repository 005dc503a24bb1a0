"""`cartwheel simulate` and `cartwheel backtest`, with the manifests of the cart."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cartwheel.errors import CommandError, UsageError
from cartwheel.simulation.command import commands

COMPONENTS = Path(__file__).parents[2] / "manifests/components"
HPA = str(COMPONENTS / "autoscaling-cpu/hpa.yaml")
SCALED_OBJECT = str(COMPONENTS / "autoscaling-requests/scaledobject.yaml")
STAGES = "--stages=30s:50,2m:130"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(commands, arguments, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.output


def test_two_autoscalers_are_compared() -> None:
    shown = run("simulate", STAGES, HPA, SCALED_OBJECT)
    assert "cart (hpa)" in shown
    assert "cart (scaledobject)" in shown
    assert "replica-minutes" in shown
    assert "capacity=40" in shown


def test_json_has_the_figures_and_the_replicas() -> None:
    (found,) = json.loads(run("simulate", STAGES, SCALED_OBJECT, "--json"))["runs"]
    assert found["figures"]["peak_replicas"] == 7
    assert found["replicas"][0] == [0, 3]


def test_the_chart_and_the_page_need_nothing_else(tmp_path: Path) -> None:
    svg, page = tmp_path / "chart.svg", tmp_path / "page.html"
    run("simulate", STAGES, HPA, SCALED_OBJECT, f"--svg={svg}", f"--html={page}")
    assert ElementTree.fromstring(svg.read_text()).tag.endswith("svg")
    text = page.read_text()
    assert "cart (scaledobject)" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_a_file_of_the_past_is_a_load(tmp_path: Path) -> None:
    load = tmp_path / "load.csv"
    load.write_text("".join(f"{n * 15},{50 if n % 40 < 20 else 130}\n" for n in range(400)))
    (found,) = json.loads(run("backtest", f"--csv={load}", HPA, "--json"))["runs"]
    assert found["figures"]["syncs"] == 400
    assert found["figures"]["changes"] > 10


def test_a_measured_capacity_is_taken_from_the_bench(tmp_path: Path) -> None:
    bench = tmp_path / "bench.json"
    rows = [
        {"variant": "floor", "rate": 1, "cpu": 1},
        {"variant": "cartwheel", "rate": 1200, "cpu": 700},
    ]
    bench.write_text(json.dumps({"benches": [{"name": "cart-add", "rows": rows}]}))
    assert "capacity=1200 start=2s queue=0ms cpu-per-request=0.7ms" in run(
        "simulate", STAGES, HPA, f"--bench={bench}"
    )


def test_what_is_read_is_not_written(tmp_path: Path) -> None:
    load = tmp_path / "load.csv"
    load.write_text("0,50\n15,50\n")

    with pytest.raises(UsageError, match="is read"):
        run("backtest", f"--csv={load}", HPA, f"--html={load}")

    assert load.read_text() == "0,50\n15,50\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("simulate", STAGES, "no-such-file.yaml"),
        ("simulate", "--stages=often", HPA),
        ("simulate", STAGES, HPA, "--assume=speed=9"),
        ("simulate", STAGES, HPA, "--assume=capacity=0"),
        ("simulate", STAGES, str(COMPONENTS / "autoscaling-cpu/kustomization.yaml")),
        ("simulate", STAGES, HPA, "--html=/proc/none/page.html"),
        ("backtest", HPA),
        ("backtest", HPA, "--prometheus=http://127.0.0.1:9"),
        ("backtest", HPA, "--csv=no-such-file.csv"),
        ("backtest", HPA, "--csv=no-such-file.csv", "--last=1h"),
        ("backtest", HPA, "--prometheus=http://127.0.0.1:9", "--query=x", "--resample=0s"),
        ("backtest", "--recording=no-such-file", "--compare"),
        ("backtest", "--recording=no-such-file", "--replicas=0"),
        ("backtest", "--recording=no-such-file", "--html=page.html"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: tuple[str, ...]) -> None:
    with pytest.raises(UsageError) as caught:
        run(*arguments)
    assert "\n" not in str(caught.value)


def test_a_metric_that_the_model_lacks_is_named(tmp_path: Path) -> None:
    manifest = tmp_path / "hpa.yaml"
    manifest.write_text(Path(HPA).read_text().replace("name: cpu", "name: memory"))
    with pytest.raises(CommandError, match="cart: the model has no memory"):
        run("simulate", STAGES, str(manifest))
