"""Measures in rounds: each round takes a sample of each server, in shuffled order."""

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

from cartwheel.bench.workbench import Server

SampleT = TypeVar("SampleT")


class Progress(Protocol):
    """Told what comes next."""

    def __call__(self, stage: str, detail: str, *, share: float = 0.0) -> None:
        """``share`` is how much of the bench is done, from 0 to 1."""


async def measure_rounds(
    servers: Sequence[Server],
    take_sample: Callable[[Server], Awaitable[SampleT]],
    *,
    rounds: int,
    progress: Progress,
) -> dict[str, list[SampleT]]:
    """Take a sample of each server as a warm-up, then one in every round.

    The order is shuffled, so that what else the machine does hits all of them.
    """
    samples: dict[str, list[SampleT]] = {server.name: [] for server in servers}
    for number in range(rounds + 1):
        stage = f"round {number} of {rounds}" if number else "warm-up"
        for place, server in enumerate(random.sample(servers, len(servers))):
            done = number * len(servers) + place
            progress(stage, server.name, share=done / (rounds + 1) / len(servers))
            sample = await take_sample(server)
            if number:
                samples[server.name].append(sample)
    return samples
