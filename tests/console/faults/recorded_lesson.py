"""A lesson that has run once: what its command said, and what the console makes of it."""

import json
from pathlib import Path
from typing import Any

from cartwheel.console.faults.lesson_runner import LessonRun
from cartwheel.console.faults.lessons import find_lesson

FILE = Path(__file__).with_name("circuit-breaker.json")
LESSON = find_lesson("circuit-breaker")


class RecordedLesson:
    """The lesson `circuit-breaker` on a shop with SQLite, event by event."""

    def __init__(self) -> None:
        recorded = json.loads(FILE.read_text())
        self._events: list[dict[str, Any]] = recorded["events"]
        self._output: str = recorded["output"]
        self._run = LessonRun(
            LESSON, LESSON.fault_for("sqlite"), command="cartwheel chaos run cart-partitioned"
        )

    @property
    def as_json(self) -> dict[str, Any]:
        """What the console says of it now."""
        return self._run.as_json

    def hear_until(self, name: str) -> None:
        """Take its events up to this one."""
        while self._events:
            event = self._events.pop(0)
            self._run.hear(json.dumps(event).encode())
            if event["event"] == name:
                return

    def end(self) -> None:
        self._run.end(self._output.encode())
