"""Limits of what a process may use, as `ulimit` sets them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from cartwheel.errors import CommandError
from cartwheel.local.replica_process import Replica

# The names that psutil has on Linux.
LIMITS = {"open_files": "RLIMIT_NOFILE", "file_size": "RLIMIT_FSIZE"}


@contextmanager
def limited(replica: Replica, *, resource: str, value: int) -> Iterator[None]:
    """Limit its process during the block. Raises `CommandError`."""
    limit = getattr(psutil, LIMITS[resource], None)
    if limit is None:
        raise CommandError("The limits of a running process can be changed on Linux only.")
    try:
        process = psutil.Process(replica.pid)
        soft, hard = process.rlimit(limit)
        if 0 <= hard < value:
            raise CommandError(f"{replica.name} cannot have more than its hard limit of {hard:,}.")
        # The soft limit only: anyone may raise it again, up to the hard one.
        process.rlimit(limit, (value, hard))
    except (psutil.Error, OSError) as error:
        raise CommandError(f"{replica.name} cannot be limited ({error}).") from error
    try:
        yield
    finally:
        # psutil compares start times, so this is never another process of the same id.
        with suppress(psutil.Error, OSError):
            if process.is_running():
                process.rlimit(limit, (soft, hard))
