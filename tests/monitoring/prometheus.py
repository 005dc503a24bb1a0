"""A real Prometheus server, from PATH."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.support.processes import listen

STARTED_WITHIN = 30.0
HOW_TO_GET_IT = "no prometheus on PATH; Debian: apt-get install prometheus"


def installed(program: str = "prometheus") -> bool:
    return shutil.which(program) is not None


class Prometheus:
    """A client of a running server."""

    def __init__(self, url: str) -> None:
        self._client = httpx2.Client(base_url=url, timeout=10.0)

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query. Raises `AssertionError` for an invalid query."""
        answer = self._client.post("/api/v1/query", data={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer.get('error')}"
        result: list[dict[str, Any]] = answer["data"]["result"]
        return result

    def ready(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == 200
        except httpx2.HTTPError:
            return False

    def close(self) -> None:
        self._client.close()


@contextmanager
def prometheus_up(config: Path, *, data: Path) -> Iterator[Prometheus]:
    """Run a server with that configuration until the end of the block."""
    with listen() as freed:
        port = freed.getsockname()[1]
    with (data.parent / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={data}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        server = Prometheus(f"http://127.0.0.1:{port}")
        try:
            deadline = time.monotonic() + STARTED_WITHIN
            while not server.ready():
                assert process.poll() is None, (data.parent / "prometheus.log").read_text()
                assert time.monotonic() < deadline, "Prometheus does not get ready"
                time.sleep(0.05)
            yield server
        finally:
            server.close()
            process.terminate()
            process.wait(timeout=10)
