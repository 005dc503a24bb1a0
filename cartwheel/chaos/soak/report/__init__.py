"""The report of a soak: one HTML file without anything from outside, or JSON."""

from cartwheel.chaos.soak.report.as_json import to_json
from cartwheel.chaos.soak.report.page import to_html

__all__ = ["to_html", "to_json"]
