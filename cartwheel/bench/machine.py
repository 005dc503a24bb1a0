"""The machine that was measured, without anything that identifies it."""

import os
import platform
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("uvicorn", "uvloop", "httptools", "fastapi", "pydantic", "redis", "asyncpg")


def describe_machine() -> dict[str, str]:
    """Cores, model of the CPU, system and versions."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    installed = [name for name in PACKAGES if find_spec(name) is not None]
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in installed)
    return {
        "cores": str(cores),
        "cpu": _cpu_model(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": versions,
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or "unknown"
