"""What all toxics together do to one direction of one connection."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, TypeVar

from cartwheel.tcp_proxy.toxics import (
    Bandwidth,
    Direction,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    StreamToxic,
    Timeout,
    Toxic,
)

PIECES_PER_SECOND = 10
"""How smoothly a limited bandwidth is used."""

T = TypeVar("T", bound=StreamToxic)


@dataclass(frozen=True)
class Conditions:
    """Latencies add up; of other toxics of one type the strictest counts."""

    latencies: tuple[Latency, ...] = ()
    bandwidth: Bandwidth | None = None
    timeout: Timeout | None = None
    reset_peer: ResetPeer | None = None
    slicer: Slicer | None = None
    limit_data: LimitData | None = None
    slow_close: SlowClose | None = None

    @classmethod
    def of(cls, toxics: Iterable[Toxic], stream: Direction, *, draw: float) -> Self:
        """For a connection that drew a number from 0 to 1 to see whether toxics affect it."""
        found = [
            one
            for one in toxics
            if isinstance(one, StreamToxic) and one.stream == stream and draw < one.toxicity
        ]
        # A timeout of 0 never closes the connection.
        timeouts = sorted(_of_type(found, Timeout), key=lambda one: one.timeout_ms or float("inf"))
        return cls(
            latencies=tuple(_of_type(found, Latency)),
            bandwidth=min(
                _of_type(found, Bandwidth), key=lambda one: one.bytes_per_second, default=None
            ),
            timeout=next(iter(timeouts), None),
            reset_peer=min(
                _of_type(found, ResetPeer), key=lambda one: one.timeout_ms, default=None
            ),
            slicer=min(_of_type(found, Slicer), key=lambda one: one.average_size, default=None),
            limit_data=min(_of_type(found, LimitData), key=lambda one: one.bytes, default=None),
            slow_close=max(_of_type(found, SlowClose), key=lambda one: one.delay_ms, default=None),
        )

    def delay(self, jitter: float) -> float:
        """Seconds on the way, with a jitter from -1 to 1."""
        return sum(one.latency_ms + jitter * one.jitter_ms for one in self.latencies) / 1000

    @property
    def close_delay(self) -> float:
        """Seconds that the end of the stream takes longer."""
        return self.slow_close.delay_ms / 1000 if self.slow_close else 0.0

    def piece_size(self, rng: random.Random) -> int | None:
        """Bytes to send at once; None for all there are."""
        sizes = []
        if self.slicer:
            variation = min(self.slicer.size_variation, self.slicer.average_size - 1)
            sizes.append(self.slicer.average_size + rng.randint(-variation, variation))
        if self.bandwidth:
            sizes.append(max(1, self.bandwidth.bytes_per_second // PIECES_PER_SECOND))
        return min(sizes, default=None)

    def pause_after(self, size: int) -> float:
        """Seconds to wait after a piece of this size."""
        pause = self.slicer.delay_ms / 1000 if self.slicer else 0.0
        return pause + (size / self.bandwidth.bytes_per_second if self.bandwidth else 0.0)


def _of_type(toxics: Iterable[StreamToxic], kind: type[T]) -> list[T]:
    return [one for one in toxics if isinstance(one, kind)]
