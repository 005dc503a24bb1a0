"""Who can be called: one file a service, in the format Prometheus reads (file_sd)."""

import json
from collections.abc import Iterable
from pathlib import Path

from cartwheel.local.sockets import OWN_HOST
from cartwheel.local.state import replace_text


def write_endpoints(path: Path, ready: Iterable[tuple[str, int]]) -> None:
    """Replace the file by the ready replicas, given as name and own port."""
    groups = [
        {"targets": [f"{OWN_HOST}:{port}"], "labels": {"instance": name}} for name, port in ready
    ]
    replace_text(path, json.dumps(groups))
