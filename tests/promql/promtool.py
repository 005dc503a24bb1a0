"""Prometheus' own evaluation of queries, by `promtool test rules`."""

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.promql.random_cases import Case, RandomSeries

HOW_TO_GET_IT = "no promtool on PATH; Debian: apt-get install prometheus"
_RESULT = re.compile(r'^ *got: *"?(.*?)"?$')
_PLACE = re.compile(r'^ *expr: "(.*)", time: (\w+), *(err: .*)?$')
_SAMPLE = re.compile(r"(\{[^}]*\}) (\S+?)(?:, |$)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')

Result = dict[frozenset[tuple[str, str]], float]


def installed() -> bool:
    return shutil.which("promtool") is not None


def major_version() -> int:
    shown = subprocess.run(["promtool", "--version"], capture_output=True, text=True, check=True)
    return int(re.search(r"version (\d+)", shown.stdout + shown.stderr)[1])  # type: ignore[index]


def evaluate(
    series: Sequence[RandomSeries], cases: Sequence[Case], folder: Path
) -> dict[Case, Result | str]:
    """The result of each case, or the error as text."""
    # JSON is YAML. Every expected result is empty, so promtool prints each that is not.
    tests = [{"expr": case.query, "eval_time": _duration(case.at)} for case in cases]
    inputs = [
        {"series": one.written, "values": " ".join(map(str, one.values)) or "_"} for one in series
    ]
    group = {"interval": "1s", "input_series": inputs, "promql_expr_test": tests}
    file = folder / "cases.yaml"
    file.write_text(json.dumps({"tests": [group]}))
    run = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, check=False
    )
    return {case: {} for case in cases} | _results(run.stdout + run.stderr)


def _results(output: str) -> dict[Case, Result | str]:
    results: dict[Case, Result | str] = {}
    case = None
    for line in output.splitlines():
        if place := _PLACE.match(line):
            case = Case(json.loads(f'"{place[1]}"'), _seconds(place[2]))
            if place[3]:
                results[case] = place[3]
        elif case and (got := _RESULT.match(line)):
            results[case] = {
                frozenset(_LABEL.findall(labels)): float(value)
                for labels, value in _SAMPLE.findall(got[1].replace('\\"', '"'))
            }
    return results


def _duration(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _seconds(duration: str) -> float:
    units = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)(ms|[hms])", duration))
