"""All PromQL queries of the project: panels, annotations, rules and triggers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DASHBOARDS = ROOT / "monitoring" / "grafana" / "dashboards"
RULES = ROOT / "monitoring" / "prometheus" / "rules"
SCALED_OBJECT = ROOT / "manifests" / "components" / "autoscaling-requests" / "scaledobject.yaml"

# Values of Grafana's variables; the rate interval covers several scrapes.
VARIABLES = {"$__rate_interval": "10s", "$__interval": "5s", "$__range": "1m"}


@dataclass(frozen=True)
class Query:
    """A query and where it is defined. The result of a `quiet` one, like an alert, may be empty."""

    place: str
    expression: str
    quiet: bool = False

    @property
    def substituted(self) -> str:
        """The query with its variables replaced."""
        expression = self.expression
        for variable, value in VARIABLES.items():
            expression = expression.replace(variable, value)
        return expression


def panels() -> Iterator[Query]:
    for file in sorted(DASHBOARDS.glob("*.json")):
        dashboard = json.loads(file.read_text())
        for panel in _panels(dashboard["panels"]):
            for target in panel.get("targets", ()):
                yield Query(f"{file.stem}: {panel['title']} {target['refId']}", target["expr"])


def annotations() -> Iterator[Query]:
    for file in sorted(DASHBOARDS.glob("*.json")):
        for one in json.loads(file.read_text())["annotations"].get("list", ()):
            yield Query(f"{file.stem}: {one['name']}", one["expr"], quiet=True)


def rules() -> Iterator[Query]:
    for file in sorted(RULES.glob("*.yaml")):
        for group in yaml.safe_load(file.read_text())["groups"]:
            for rule in group["rules"]:
                name = rule.get("record") or rule["alert"]
                yield Query(f"{file.stem}: {name}", rule["expr"], quiet="alert" in rule)


def triggers() -> Iterator[Query]:
    for one in yaml.safe_load(SCALED_OBJECT.read_text())["spec"]["triggers"]:
        yield Query(f"{SCALED_OBJECT.stem}: {one['type']}", one["metadata"]["query"])


def everything() -> list[Query]:
    return [*panels(), *annotations(), *rules(), *triggers()]


def _panels(panels: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for panel in panels:
        yield panel
        yield from _panels(panel.get("panels", []))
