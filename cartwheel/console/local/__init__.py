"""The local run: what happens in it, as a frame each second."""

from cartwheel.console.local.source import LocalSource

__all__ = ["LocalSource"]
