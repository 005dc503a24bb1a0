"""Write the dashboards as JSON to monitoring/grafana/dashboards/, which Grafana provisions."""

from collections.abc import Callable
from pathlib import Path

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from monitoring.dashboards import cart, mesh, shop

FOLDER = Path(__file__).parent.parent / "grafana" / "dashboards"
DASHBOARDS: dict[str, Callable[[], Dashboard]] = {
    "shop": shop.build,
    "cart-and-its-autoscaler": cart.build,
    "mesh": mesh.build,
}


def render(name: str) -> str:
    """The JSON of one dashboard, as it is committed."""
    built = DASHBOARDS[name]().build()
    # Links to a panel use this number.
    for number, panel in enumerate(built.panels or [], start=1):
        panel.id_val = number
    return JSONEncoder(sort_keys=True, indent=2).encode(built) + "\n"


def main() -> None:
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(render(name))


if __name__ == "__main__":
    main()
