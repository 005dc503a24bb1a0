"""The guardian of stopped processes resumes them, however many it was told of."""

import resource
import subprocess
import sys

import psutil
import pytest

from cartwheel.local.faults.processes import RESUME_ORPHANS
from tests.cartwheel.supervisor_process import eventually

FEW_FILES = f"""
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (16, {resource.getrlimit(resource.RLIMIT_NOFILE)[1]}))
os.execv(sys.executable, [sys.executable, "-I", "-S", {str(RESUME_ORPHANS)!r}])
"""


@pytest.mark.parametrize("told", [1, 50])
def test_a_stopped_process_is_resumed_also_without_a_descriptor_for_each(told: int) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as stopped:
        process = psutil.Process(stopped.pid)
        process.suspend()
        eventually(lambda: process.status() == psutil.STATUS_STOPPED)
        ids = f"{stopped.pid}\n" * told
        guardian = subprocess.run(
            [sys.executable, "-c", FEW_FILES], input=ids, text=True, check=False, timeout=30
        )
        assert guardian.returncode == 0
        eventually(lambda: process.status() != psutil.STATUS_STOPPED)
        stopped.kill()
