"""The autoscaler of a running shop in the console: its manifest, and what another would do."""

from cartwheel.console.autoscaler.part import AutoscalerPart

__all__ = ["AutoscalerPart"]
