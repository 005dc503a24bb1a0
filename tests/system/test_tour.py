"""The commands of docs/tour.md, executed as they are."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.shop import shop_up

TOUR = Path(__file__).parents[2] / "docs" / "tour.md"
BLOCKS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on PATH")
def test_pasted_into_a_shell_the_tour_ends_with_the_delivery(tmp_path: Path) -> None:
    with shop_up(CARTWHEEL_COURIER_STEP_SECONDS="0.5") as shop:
        script = "set -euo pipefail\n" + "\n".join(BLOCKS.findall(TOUR.read_text()))
        script = script.replace("http://127.0.0.1:8080", shop.url("storefront"))
        tour = subprocess.run(
            ["bash"],
            input=script,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert tour.returncode == 0, tour.stderr
    first, second = re.findall(r"^ord_\w+$", tour.stdout, re.MULTILINE)
    assert first == second
    assert tour.stdout.index('"status":"confirmed"') < tour.stdout.index('"status":"delivered"')
