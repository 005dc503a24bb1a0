"""CPU usage is the difference of the last two readings of a process."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from cartwheel.local.autoscaling.cpu_sampler import CpuSampler


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def other_process() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def own_process() -> SimpleNamespace:
    return SimpleNamespace(name="cart-1", pid=os.getpid())


def use_cpu(seconds: float) -> None:
    end = os.times().user + os.times().system + seconds
    while os.times().user + os.times().system < end:
        pass


def test_a_replica_has_a_sample_after_its_second_reading() -> None:
    clock = Clock()
    sampler = CpuSampler(monotonic=clock, now=lambda: 5.0)
    sampler.measure([own_process()])
    assert sampler.reading().samples == {}
    use_cpu(0.1)
    clock.time += 0.5
    sampler.measure([own_process()])
    sample = sampler.reading().samples["cart-1"]
    assert sample.window == 0.5
    assert sample.at == 5.0
    # At least 0.1 s in 0.5 s are a fifth of a core, but for a tick of the kernel's clock or two.
    assert sample.value >= 160


def test_a_new_process_of_a_replica_is_not_compared_with_the_old_one(
    other_process: subprocess.Popen[bytes],
) -> None:
    clock = Clock()
    sampler = CpuSampler(monotonic=clock)
    sampler.measure([own_process()])
    clock.time += 1
    sampler.measure([SimpleNamespace(name="cart-1", pid=other_process.pid)])
    assert sampler.reading().samples == {}


def test_a_replica_without_a_process_has_no_sample(other_process: subprocess.Popen[bytes]) -> None:
    clock = Clock()
    sampler = CpuSampler(monotonic=clock)
    replica = SimpleNamespace(name="cart-1", pid=other_process.pid)
    for pid in (other_process.pid, other_process.pid, None):
        replica.pid = pid
        sampler.measure([replica])
        clock.time += 1
    assert sampler.reading().samples == {}


def test_a_process_that_ended_just_now_has_no_sample(
    other_process: subprocess.Popen[bytes],
) -> None:
    sampler = CpuSampler()
    other_process.kill()
    other_process.wait()
    sampler.measure([SimpleNamespace(name="cart-1", pid=other_process.pid)])
    assert sampler.reading().samples == {}


@pytest.mark.skipif(sys.platform != "linux", reason="ticks are only those of /proc")
def test_usage_of_less_than_a_tick_of_the_clock_counts() -> None:
    clock = Clock()
    sampler = CpuSampler(monotonic=clock)
    values = []
    for _ in range(5):
        end = time.process_time() + 0.002
        while time.process_time() < end:
            pass
        clock.time += 1
        sampler.measure([own_process()])
        values += [sample.value for sample in sampler.reading().samples.values()]
    # Each holds 2 ms; in ticks of 10 ms most would be 0.
    assert len(values) == 4
    assert min(values) >= 2
