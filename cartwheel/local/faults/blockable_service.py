"""A service whose event loop blocks on a signal: its factory under `cartwheel up --chaos`.

It runs in the replica and imports nothing of the tool. The images of the services lack this
module, so nothing of it can be reached in a cluster.
"""

import importlib
import os
import signal
import time
from pathlib import Path
from typing import Any

SIGNAL = signal.SIGUSR2
FACTORY_VARIABLE = "CARTWHEEL_CHAOS_FACTORY"
REQUEST_VARIABLE = "CARTWHEEL_CHAOS_FOLDER"
CHECK_INTERVAL = 0.02  # seconds


def create() -> Any:
    """Build the app of the service itself, and listen to the signal."""
    module, _, name = os.environ[FACTORY_VARIABLE].partition(":")
    app = getattr(importlib.import_module(module), name)()
    signal.signal(SIGNAL, _block)
    return app


def request_file(folder: Path, replica: str) -> Path:
    """Says how many seconds the replica is to block; it goes on as soon as the file is gone."""
    return folder / f"block-{replica}"


def _block(*_: object) -> None:
    file = request_file(Path(os.environ[REQUEST_VARIABLE]), os.environ["CARTWHEEL_INSTANCE"])
    try:
        deadline = time.monotonic() + float(file.read_text())
    except (OSError, ValueError):
        return
    while file.exists() and time.monotonic() < deadline:
        time.sleep(CHECK_INTERVAL)
