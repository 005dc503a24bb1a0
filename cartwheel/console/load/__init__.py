"""The load knob: one load on the shop of this console, changed while it runs."""

from cartwheel.console.load.part import LoadPart

__all__ = ["LoadPart"]
