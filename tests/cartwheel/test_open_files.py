"""The supervisor may open more files than its terminal says; what it starts may not."""

import resource
import sys
from collections.abc import Iterator

import pytest

from cartwheel.local.child_processes import ChildProcesses, run_to_completion
from cartwheel.local.open_files import open_files_limit, raise_open_files_limit

OF_MACOS = 256


@pytest.fixture(autouse=True)
def limit_of_macos() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (OF_MACOS, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def test_a_child_keeps_the_limit_that_was_raised_for_its_parent() -> None:
    processes = ChildProcesses(open_files=open_files_limit())
    raise_open_files_limit()
    assert open_files_limit() > OF_MACOS
    program = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    code, output = await run_to_completion(processes, [sys.executable, "-c", program])
    assert (code, output.strip()) == (0, str(OF_MACOS))
