"""The report of a load: one HTML file without anything from outside, or JSON."""

from cartwheel.load.report.as_json import to_json
from cartwheel.load.report.page import to_html

__all__ = ["to_html", "to_json"]
