"""Runs the programs of `probes` in every checkout, in shuffled rounds."""

import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from cartwheel.bench.cores import pin
from cartwheel.bench.options import Options
from cartwheel.bench.rounds import Progress
from cartwheel.bench.workbench import Checkout, Workbench, plain_environment
from cartwheel.errors import CommandError

PROBES = Path(__file__).parent / "probes"
MAX_ROUNDS = 7
"""Each round is a process that measures many times itself."""

Figures = Mapping[str, float]


async def run_probe(
    workbench: Workbench, program: str, *arguments: str, options: Options, progress: Progress
) -> Mapping[str, Figures]:
    """The medians of the figures that the probe printed, by the name of the checkout."""
    names = options.choose([name for name, _ in options.checkouts])
    checkouts = dict(options.checkouts)
    found: dict[str, list[Figures]] = {name: [] for name in names}
    rounds = min(options.rounds, MAX_ROUNDS)
    for number in range(1, rounds + 1):
        for name in random.sample(names, len(names)):
            progress(f"round {number} of {rounds}", name, share=(number - 1) / rounds)
            found[name].append(await _run(workbench, checkouts[name], program, arguments))
    return {name: _medians(figures) for name, figures in found.items()}


async def _run(
    workbench: Workbench, checkout: Checkout, program: str, arguments: Sequence[str]
) -> Figures:
    server = await workbench.start(
        program,
        *(checkout.python, str(PROBES / program), *arguments),
        environment=plain_environment(
            PYTHONPATH=str(checkout.folder), CARTWHEEL_SERVICE_TOKENS="bench"
        ),
        folder=checkout.folder,
    )
    pin(server.process.pid, workbench.cores.server)
    await workbench.wait_for_end(server)
    if server.process.returncode:
        raise CommandError(f"{program} failed: {server.failure()}")
    figures: Figures = json.loads(server.output[-1])
    return figures


def _medians(figures: Sequence[Figures]) -> Figures:
    return {key: median(one[key] for one in figures) for key in figures[0]}
