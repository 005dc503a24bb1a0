"""Times as a person types and reads them."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from cartwheel.errors import UsageError

_FORM = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")


@dataclass(frozen=True)
class TimeOfDay:
    """A time of some day, or with ``day`` of that day; in the time zone of this machine."""

    clock: time
    day: datetime | None = None

    def __str__(self) -> str:
        return str(self.day or self.clock)

    def latest_before(self, end: float) -> float | None:
        """The last such time up to ``end``; None if the day is later."""
        if self.day is not None:
            moment = self.day.timestamp()
            return moment if moment <= end else None
        last = datetime.fromtimestamp(end).astimezone()
        moment_of_day = datetime.combine(last.date(), self.clock).astimezone()
        if moment_of_day > last:
            moment_of_day = (moment_of_day - timedelta(days=1)).astimezone()
        return moment_of_day.timestamp()


def parse_time(text: str) -> TimeOfDay:
    """Read `12:03:41`, `12:03` or `2026-11-26T12:03:41`. Raises `UsageError`."""
    try:
        if _FORM.fullmatch(text):
            return TimeOfDay(time.fromisoformat(text.zfill(5 if len(text) < 6 else 8)))
        moment = datetime.fromisoformat(text)
        # Not every date has a number of seconds: the years 1 and 9999 end in some time zone.
        moment.timestamp()
    except (ValueError, OverflowError):
        raise UsageError(
            f"{text} is no time: write 12:03:41, 12:03 or 2026-11-26T12:03:41."
        ) from None
    return TimeOfDay(moment.time(), moment)


def show_time(at: float) -> str:
    """The time of day here; with the date if it is not today."""
    moment = datetime.fromtimestamp(at).astimezone()
    is_today = moment.date() == datetime.now().astimezone().date()
    return f"{moment:%H:%M:%S}" if is_today else f"{moment:%Y-%m-%d %H:%M:%S}"
