"""The CPU usage of replicas, sampled as metrics-server does.

metrics-server reads the CPU time that a container has used, every resolution. Its usage is the
difference of the last two readings, divided by the time between them. A container has no usage
before it was read twice.
"""

import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from cartwheel.autoscaling.observation import PodSamples, Sample
from cartwheel.local.replica_process import Replica

CPUCLOCK_SCHED = 2


@dataclass(frozen=True)
class CpuTime:
    """Seconds of CPU time that a process had used when the clock showed ``at``."""

    process: psutil.Process
    seconds: float
    at: float


class CpuSampler:
    """Keeps the last two readings of each replica's process.

    ``monotonic`` measures the time between readings, ``now`` gives their time since the epoch.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._monotonic = monotonic
        self._now = now
        self._last: Mapping[str, CpuTime] = {}
        self._samples: Mapping[str, Sample] = {}

    def measure(self, replicas: Sequence[Replica]) -> None:
        """Read the CPU time of each replica that has a process."""
        readings = {}
        samples = {}
        for replica in replicas:
            earlier = self._last.get(replica.name)
            reading = self._read(replica.pid, earlier)
            if reading is None:
                continue
            readings[replica.name] = reading
            if earlier is not None and earlier.process is reading.process:
                samples[replica.name] = self._sample(earlier, reading)
        self._last, self._samples = readings, samples

    def reading(self) -> PodSamples:
        """The usage of each replica that was read twice, in thousandths of a core."""
        return PodSamples(self._samples)

    def _read(self, pid: int | None, earlier: CpuTime | None) -> CpuTime | None:
        """None without a process. A new process of a replica is not compared with the old one."""
        if pid is None:
            return None
        try:
            is_same = earlier is not None and earlier.process.pid == pid
            process = earlier.process if is_same and earlier else psutil.Process(pid)
            return CpuTime(process, _cpu_seconds(process), self._monotonic())
        except (psutil.Error, OSError):
            return None

    def _sample(self, earlier: CpuTime, later: CpuTime) -> Sample:
        window = later.at - earlier.at
        cores = (later.seconds - earlier.seconds) / window
        # As the API rounds a quantity.
        return Sample(math.ceil(cores * 1000), self._now(), window)


def _cpu_seconds(process: psutil.Process) -> float:
    """Exact, as cgroups count. Raises `psutil.Error`, `OSError`.

    On Linux, psutil has the ticks of /proc: in a second, one tick is two thirds of the cart's
    target. The process has a clock that counts nanoseconds; its number is that of
    `clock_getcpuclockid`, which Python does not have.
    """
    if sys.platform == "linux":
        return time.clock_gettime((~process.pid << 3) | CPUCLOCK_SCHED)
    used = process.cpu_times()
    return used.user + used.system
