"""Made-up sessions as files."""

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from pathlib import Path

from cartwheel.explain.recorded import explain_recorded
from cartwheel.explain.times import TimeOfDay
from cartwheel.recording import Entry, Recorder
from tests.console.synthetic import SyntheticSession, session


@cache
def made(seconds: int = 180) -> SyntheticSession:
    return session(seconds)


def record(path: Path, entries: Iterable[Entry], *, max_size: int = 10**9) -> Path:
    recorder = Recorder(path, max_size=max_size)
    for entry in entries:
        recorder.record(entry)
    recorder.close()
    return path


def explained(path: Path, at: float) -> list[str]:
    """The sentences of `cartwheel explain --recording PATH --at`."""
    moment = datetime.fromtimestamp(at).astimezone()
    (found,) = explain_recorded(path, at=TimeOfDay(moment.time(), moment))
    return [one.text for one in (*found.sentences, *found.outlook)]
