"""A shop that is started for faults."""

import os
import signal
import subprocess
import sys

import psutil

from cartwheel.chaos.shop import own_shop
from tests.cartwheel.supervisor_process import ROOT, eventually


def test_a_shop_of_its_own_sells_and_leaves_nothing_behind() -> None:
    with own_shop() as shop:
        assert {one["ready"] for one in shop.services().values()} == {1, 2}
        shop.scale("products", 2)
        assert shop.services()["products"]["ready"] == 2
        pid = shop.status()["pid"]
        children = psutil.Process(pid).children(recursive=True)
    assert not psutil.pid_exists(pid)
    assert not [child for child in children if child.is_running()]
    assert not shop.state.root.exists()


def test_a_shop_of_its_own_dies_with_a_killed_caller() -> None:
    code = (
        "import time; from cartwheel.chaos.shop import own_shop\n"
        "with own_shop() as shop: print(shop.status()['pid'], flush=True); time.sleep(60)"
    )
    caller = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
    assert caller.stdout is not None
    supervisor = psutil.Process(int(caller.stdout.readline()))
    os.kill(caller.pid, signal.SIGKILL)
    caller.communicate()
    eventually(lambda: not supervisor.is_running() or supervisor.status() == "zombie")
