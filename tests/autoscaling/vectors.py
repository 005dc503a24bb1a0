"""Cases of the autoscaler as data: `python -m tests.autoscaling.vectors FILE`.

A case is one line of JSON. `k` names the rule: `res`, `ctr`, `pods`, `objV`, `objA`, `extV` and
`extA` compute a proposal, `rate` and `legacy` a limit with and without behavior, `uplim` and
`dnlim` the limit of the policies alone, `stab` and `lstab` a stabilization. `cur`, `des`, `min`
and `max` are counts; `req`, `lvl` and `tgt` thousandths (`tgt` of `res` and `ctr` percent), by pod;
`rdy`, `hot`, `ph` and `del` a letter for each pod; `rec`, `upev` and `dnev` are `[number, age]`;
`exp` is the expected count or error, `util`, `use` and `why` what must be reported with it.
`vectors.jsonl` beside this file holds inputs and results of cases in the tests of kubernetes
`pkg/controller/podautoscaler` (Apache-2.0).
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cartwheel.autoscaling.decision import Recommendation, ScaleEvent
from cartwheel.autoscaling.limits import limit, limit_without_behavior
from cartwheel.autoscaling.observation import (
    Observation,
    Pod,
    PodSamples,
    Reading,
    Sample,
    Scale,
    Values,
)
from cartwheel.autoscaling.proposals import propose
from cartwheel.autoscaling.scaling_policies import ScaleEvents, scale_down_limit, scale_up_limit
from cartwheel.autoscaling.spec import (
    DEFAULT_SCALE_DOWN,
    DEFAULT_SCALE_UP,
    Behavior,
    ControllerOptions,
    ExternalMetric,
    Metric,
    ObjectMetric,
    PodsMetric,
    PolicyType,
    ResourceMetric,
    ScalingPolicy,
    ScalingRules,
    SelectPolicy,
    Target,
    TargetType,
)
from cartwheel.autoscaling.stabilization import stabilized, stabilized_without_behavior
from cartwheel.autoscaling.tolerance import Tolerance

Case = Mapping[str, Any]

NOW = 1_000_000.0
# What the tests of the controller use.
OPTIONS = ControllerOptions(cpu_initialization_period=120, initial_readiness_delay=10)
CONTAINERS = ("c0", "c1")
REPORTED = ("util", "use", "why")
PHASES = {"R": "Running", "P": "Pending", "F": "Failed"}


@dataclass(frozen=True)
class Outcome:
    """``reported`` is the utilization, the usage or the reason that goes with the count."""

    result: int | str
    reported: int | str | None = None


def read_cases(path: Path) -> Iterator[Case]:
    """The cases of a file. Raises `OSError`, and `ValueError` for anything but cases."""
    for line in path.read_text("utf-8").splitlines():
        if line.strip():
            case = json.loads(line)
            if not (isinstance(case, dict) and {"id", "k", "exp"} <= case.keys()):
                raise ValueError(f"{line[:80]} lacks id, k or exp")
            yield case


def failure(case: Case) -> str | None:
    """What is wrong with the outcome of a case; None if nothing is."""
    if case["k"] not in RULES:
        return f"{case['id']} {case.get('t', '')}: there is no rule {case['k']!r}"
    outcome = RULES[case["k"]](case)
    expected = case["exp"]
    if isinstance(expected, str):
        words = expected.removeprefix("error: ")
        is_right = isinstance(outcome.result, str) and words in outcome.result
    else:
        is_right = outcome.result == expected
    wrong = [name for name in REPORTED if name in case and case[name] != outcome.reported]
    if is_right and not wrong:
        return None
    wanted = {name: case[name] for name in ("exp", *REPORTED) if name in case}
    return f"{case['id']} {case.get('t', '')}: {outcome}, expected {wanted}"


def _proposal(case: Case) -> Outcome:
    observation = Observation(
        at=NOW,
        scale=Scale(case["cur"], case.get("status", case["cur"])),
        pods=_pods(case),
        readings=[_reading(case)],
    )
    down, up = case.get("tol", (0.1, 0.1))
    [found] = propose([_metric(case)], observation, tolerance=Tolerance(down, up), options=OPTIONS)
    if found.replicas is None:
        return Outcome(f"error: {found.error}")
    return Outcome(found.replicas, found.value)


def _metric(case: Case) -> Metric:
    kind = case["k"]
    if kind in ("res", "ctr"):
        target = Target(TargetType.UTILIZATION, case["tgt"])
        return ResourceMetric("cpu", target, CONTAINERS[0] if kind == "ctr" else None)
    is_value = kind.endswith("V")
    target = Target(TargetType.VALUE if is_value else TargetType.AVERAGE_VALUE, case["tgt"])
    if kind == "pods":
        return PodsMetric("qps", target)
    return (ObjectMetric if kind.startswith("obj") else ExternalMetric)("qps", target)


def _reading(case: Case) -> Reading:
    if case["k"] not in ("res", "ctr", "pods"):
        return Values(case["lvl"])
    # A level is that of each of the two containers, and a Resource metric counts both.
    factor = len(CONTAINERS) if case["k"] == "res" else 1
    return PodSamples(
        {f"p{n}": Sample(level * factor, NOW, 60) for n, level in enumerate(case["lvl"])}
    )


def _pods(case: Case) -> list[Pod]:
    return [_pod(case, n) for n in range(max(case["cur"], len(case.get("ph", ""))))]


def _pod(case: Case, n: int) -> Pod:
    requests = {"cpu": case["req"][n]} if n < len(case.get("req", ())) else {}
    is_hot = _letter(case, "hot", n, "C") == "H"
    started_at = NOW if is_hot else NOW - 600
    return Pod(
        f"p{n}",
        phase=PHASES[_letter(case, "ph", n, "R")],
        ready=_letter(case, "rdy", n, "T") == "T",
        ready_since=started_at,
        started_at=started_at,
        is_deleted=_letter(case, "del", n, "0") == "1",
        requests=dict.fromkeys(CONTAINERS, requests),
    )


def _letter(case: Case, field: str, n: int, default: str) -> str:
    return case.get(field, "")[n : n + 1] or default


def _rate(case: Case) -> Outcome:
    found = limit(
        case["des"],
        current=case["cur"],
        minimum=case["min"],
        maximum=case["max"],
        behavior=_behavior(case),
        events=_events(case),
        now=NOW,
    )
    return Outcome(found.after, found.reason)


def _rate_without_behavior(case: Case) -> Outcome:
    found = limit_without_behavior(
        case["des"],
        current=case["cur"],
        minimum=case["min"],
        maximum=case["max"],
        next_sync=NOW + 15,
    )
    return Outcome(found.after, found.reason)


def _up_limit(case: Case) -> Outcome:
    rules, events = _behavior(case).scale_up, _events(case)
    return Outcome(scale_up_limit(rules, events, current=case["cur"], now=NOW).replicas)


def _down_limit(case: Case) -> Outcome:
    rules, events = _behavior(case).scale_down, _events(case)
    return Outcome(scale_down_limit(rules, events, current=case["cur"], now=NOW).replicas)


def _stabilized(case: Case) -> Outcome:
    found = stabilized(
        case["des"],
        _history(case),
        current=case["cur"],
        up_window=case.get("upw", 0),
        down_window=case.get("dnw", 300),
        now=NOW,
    )
    return Outcome(found)


def _stabilized_without_behavior(case: Case) -> Outcome:
    found = stabilized_without_behavior(case["des"], _history(case), window=300, now=NOW)
    return Outcome(found)


def _behavior(case: Case) -> Behavior:
    up = _rules(case, case["up"]) if "up" in case else DEFAULT_SCALE_UP
    down = _rules(case, case["down"]) if "down" in case else DEFAULT_SCALE_DOWN
    return Behavior(up, down)


def _rules(case: Case, policies: Mapping[str, Sequence[int]]) -> ScalingRules:
    types = {"pods": PolicyType.PODS, "pct": PolicyType.PERCENT}
    return ScalingRules(
        [ScalingPolicy(types[name], *numbers) for name, numbers in policies.items()],
        SelectPolicy(case.get("sel", "Max")),
    )


def _events(case: Case) -> ScaleEvents:
    up, down = (
        [ScaleEvent(change, NOW - age) for change, age in case.get(field, ())]
        for field in ("upev", "dnev")
    )
    return ScaleEvents(up, down)


def _history(case: Case) -> list[Recommendation]:
    return [Recommendation(replicas, NOW - age) for replicas, age in case.get("rec", ())]


RULES: Mapping[str, Callable[[Case], Outcome]] = {
    **dict.fromkeys(("res", "ctr", "pods", "objV", "objA", "extV", "extA"), _proposal),
    "rate": _rate,
    "legacy": _rate_without_behavior,
    "uplim": _up_limit,
    "dnlim": _down_limit,
    "stab": _stabilized,
    "lstab": _stabilized_without_behavior,
}


def _refuse(problem: str) -> int:
    print(problem, file=sys.stderr)
    return 2


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m tests.autoscaling.vectors FILE", file=sys.stderr)
        return 2
    file = arguments[0]
    try:
        cases = list(read_cases(Path(file)))
    except OSError as error:
        return _refuse(f"{file}: {error.strerror}.")
    except ValueError as error:
        return _refuse(f"{file}: is no file of cases, one JSON object a line: {error}.")
    failures = [failure(case) for case in cases]
    failed = [one for one in failures if one is not None]
    for one in failed:
        print(one)
    print(f"{len(failures) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
