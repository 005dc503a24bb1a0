"""The plugin with which continuous integration refuses skipped tests."""

import os
import subprocess
import sys
from pathlib import Path

from tests.cartwheel.supervisor_process import ROOT

SKIPPING = {
    "test_inside.py": "import pytest\n\ndef test_it():\n    pytest.skip('no valkey')\n",
    "test_marked.py": "import pytest\n\n@pytest.mark.skip('no postgres')\ndef test_it(): ...\n",
    "test_whole.py": "import pytest\n\npytest.skip('no browser', allow_module_level=True)\n",
}


def test_every_way_to_skip_fails_the_run_and_names_its_reason(tmp_path: Path) -> None:
    for name, text in SKIPPING.items():
        (tmp_path / name).write_text(text)
    options = ["-p", "tests.support.no_skips", "-c", os.devnull, "--rootdir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--continue-on-collection-errors", tmp_path],
        cwd=ROOT,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "skipped" not in done.stdout.splitlines()[-1]
    for reason in ("no valkey", "no postgres", "no browser"):
        assert reason in done.stdout
