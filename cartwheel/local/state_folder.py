"""The state folder of a run: lock, secrets, data, endpoints and logs."""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cartwheel.errors import UsageError
from cartwheel.invocation import display_path
from cartwheel.local.command_lines import command_line

SERVICE_TOKENS = "cartwheel_service_tokens"
CONSOLE_TOKEN = "console-token"
BLOCK_SIZE = 4096  # bytes; a file occupies whole blocks of the disk


@dataclass(frozen=True)
class StateFolder:
    """The paths inside one state folder, all absolute."""

    root: Path

    @classmethod
    def at(cls, path: Path) -> "StateFolder":
        return cls(path.expanduser().absolute())

    @property
    def pid_file(self) -> Path:
        return self.root / "supervisor.pid"

    @property
    def control_socket(self) -> Path:
        return self.root / "control.sock"

    @property
    def fault_socket(self) -> Path:
        return self.root / "faults.sock"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def postgres_settings(self) -> Path:
        """Those of `ALTER SYSTEM`."""
        return self.postgres / "postgresql.auto.conf"

    @property
    def recording(self) -> Path:
        """What the autoscaler saw and decided."""
        return self.root / "autoscaling.jsonl"

    @property
    def console_history(self) -> Path:
        """What the console has shown in the last day."""
        return self.root / "console.sqlite"

    @property
    def console_url(self) -> Path:
        """The URL of a console that was started by hand, which holds a lock on this file."""
        return self.root / "console.url"

    def endpoints_file(self, service: str, *, caller: str = "") -> Path:
        """For all to read (Prometheus does), or for one caller alone."""
        return self.root / "endpoints" / caller / f"{service}.json"

    def log_folder(self, service: str) -> Path:
        return self.root / "logs" / service

    def prepare(self) -> None:
        """Create the folders and secrets that are missing. Raises `UsageError`."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # Only the owner may read secrets and data. Others may pass through the folder
            # itself: a Postgres started by root runs as another user.
            self.root.chmod(0o711)
            for folder in (self.secrets, self.data, self.root / "endpoints", self.root / "logs"):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o700)
            self.secret(SERVICE_TOKENS)
        except OSError as error:
            raise self._unusable(error) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of this folder. Raises `UsageError` when another supervisor holds it.

        The lock, not the pid in the file, says whether a supervisor runs. It ends with its
        process, so a file left behind by a crash does no harm.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.pid_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        with os.fdopen(descriptor, "r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pid = file.read().strip()
                raise UsageError(
                    f"Cartwheel already runs in {display_path(self.root)} (pid {pid}): "
                    f"stop it with {command_line(self.root, 'down')}, "
                    "or start another with --state-dir and ports of its own."
                ) from None
            try:
                os.truncate(descriptor, 0)
                os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            except OSError as error:
                raise self._unusable(error) from error
            try:
                yield
            finally:
                # Emptied, not deleted: another process may hold this very file open.
                os.truncate(descriptor, 0)

    def secret(self, name: str) -> str:
        """A random text, created on first use; only the owner may read its file."""
        path = self.secrets / name
        if not path.exists():
            # Appears complete or not at all; of two processes at once the first one wins.
            draft = path.with_name(f".{name}.{os.getpid()}")
            try:
                draft.touch(0o600)
                draft.write_text(secrets.token_urlsafe(32))
                with suppress(FileExistsError):
                    path.hardlink_to(draft)
            finally:
                draft.unlink(missing_ok=True)
        return path.read_text()

    def console_token(self) -> str:
        """What a page needs to change something in the shop of this folder."""
        return self.secret(CONSOLE_TOKEN)

    def running_pid(self) -> int | None:
        """The pid of the supervisor that owns this folder, if one runs."""
        try:
            with self.pid_file.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(self.pid_file.read_text() or 0) or None
        except OSError:
            return None
        return None

    def _unusable(self, error: OSError) -> UsageError:
        return UsageError(
            f"The state folder {display_path(self.root)} cannot be used ({error.strerror}): "
            "name another one with --state-dir or CARTWHEEL_STATE_DIR."
        )


def replace_text(path: Path, text: str) -> None:
    """Replace a file atomically: a reader sees the old or the new text."""
    draft = path.with_suffix(".new")
    try:
        draft.write_text(text)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        overwrite_text(path, text)


def overwrite_text(path: Path, text: str) -> None:
    """Overwrite a file in place, padded with blanks: it needs no free space on the disk.

    One write call, so a reader is unlikely to see a part of it.
    """
    descriptor = os.open(path, os.O_WRONLY)
    try:
        size = os.fstat(descriptor).st_size
        content = text.encode().ljust(size)
        if len(content) > -(-size // BLOCK_SIZE) * BLOCK_SIZE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.pwrite(descriptor, content, 0)
    finally:
        os.close(descriptor)
