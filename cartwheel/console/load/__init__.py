"""The load of the console: one at a time, on its own shop, changed while it runs."""

from cartwheel.console.load.part import LoadPart

__all__ = ["LoadPart"]
