"""Problems that last: each is reported when it is certain and when it ends, not at every sync."""

from collections.abc import Mapping, Sequence

from cartwheel.local.events import Emit

# In a row. Once or twice is a busy moment, or a replica that was not measured twice yet.
MIN_OCCURRENCES = 3


class Problems:
    """The present problems, by what they are about."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._messages: dict[str, str] = {}
        self._occurrences: dict[str, int] = {}

    @property
    def present(self) -> Sequence[str]:
        return [message for name, message in self._messages.items() if self._is_certain(name)]

    def update(self, found: Mapping[str, str], *, ended: Mapping[str, str]) -> None:
        """Take what was found now; ``ended`` has a message for those whose end is worth a line."""
        for name in self._messages.keys() - found.keys():
            if self._is_certain(name) and name in ended:
                self._emit("success", ended[name])
        self._messages = dict(found)
        self._occurrences = {name: self._occurrences.get(name, 0) + 1 for name in found}
        for name, message in found.items():
            if self._occurrences[name] == MIN_OCCURRENCES:
                self._emit("failure", message)

    def _is_certain(self, name: str) -> bool:
        return self._occurrences[name] >= MIN_OCCURRENCES
