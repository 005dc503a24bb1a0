"""Break it: faults of the chaos catalogue from the page, and lessons that grade themselves."""

from cartwheel.console.faults.part import FaultsPart

__all__ = ["FaultsPart"]
