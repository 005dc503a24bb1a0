"""The state folder: who runs here, secrets, data, endpoints and logs."""

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cartwheel.errors import StartError
from cartwheel.local.command_lines import command_for, shown

SERVICE_TOKENS = "cartwheel_service_tokens"
BLOCK = 4096  # bytes of a disk that belong to one file, whether it fills them or not


@dataclass(frozen=True)
class StateFolder:
    """Paths inside one state folder; always absolute."""

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
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def data(self) -> Path:
        return self.root / "data"

    def endpoints_file(self, service: str) -> Path:
        return self.root / "endpoints" / f"{service}.json"

    def log_folder(self, service: str) -> Path:
        return self.root / "logs" / service

    def prepare(self) -> None:
        """Make the folders and the secrets that are missing. Raises `StartError`."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # Secrets and people's data are nobody else's on this machine. The folder itself can
            # be passed through: a Postgres started by root runs under another name.
            self.root.chmod(0o711)
            for folder in (self.secrets, self.data, self.root / "endpoints", self.root / "logs"):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o700)
            self.secret(SERVICE_TOKENS)
        except OSError as error:
            raise self._unusable(error) from error

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Be the one supervisor of this folder. Raises `StartError` when there is another.

        The lock, not the number in the file, says whether somebody runs: it goes with its
        process however that ends, so a file left behind by a crash is simply taken over.
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
                raise StartError(
                    f"Cartwheel already runs in {shown(self.root)} (pid {file.read().strip()}): "
                    f"stop it with {command_for(self.root, 'down')}, "
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
                # Emptied, not removed: somebody may wait with this very file open.
                os.truncate(descriptor, 0)

    def secret(self, name: str) -> str:
        """A random text that is made once and stays; its file is for its owner only."""
        path = self.secrets / name
        if not path.exists():
            # Whole or not at all, and of two who make it at once the first one's.
            draft = path.with_name(f".{name}.{os.getpid()}")
            try:
                draft.touch(0o600)
                draft.write_text(secrets.token_urlsafe(32))
                with suppress(FileExistsError):
                    path.hardlink_to(draft)
            finally:
                draft.unlink(missing_ok=True)
        return path.read_text()

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

    def _unusable(self, error: OSError) -> StartError:
        return StartError(
            f"The state folder {shown(self.root)} cannot be used ({error.strerror}): "
            "name another one with --state-dir or CARTWHEEL_STATE_DIR."
        )


def replace_text(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old or the new text, never a part."""
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
    """Write over a file where it lies, which takes no space, filled up with blanks.

    For a disk that has none. In one go, so that a reader hardly ever sees a part of it.
    """
    descriptor = os.open(path, os.O_WRONLY)
    try:
        size = os.fstat(descriptor).st_size
        content = text.encode().ljust(size)
        if len(content) > -(-size // BLOCK) * BLOCK:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.pwrite(descriptor, content, 0)
    finally:
        os.close(descriptor)
