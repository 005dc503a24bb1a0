"""Scraped samples of the last minutes, in memory."""

from collections.abc import Collection, Container, Iterable, Mapping, Sequence

from cartwheel.promql.errors import QueryError
from cartwheel.promql.exposition import Lines, labels_of, split, value_of
from cartwheel.promql.series import LOOKBACK, NAME, Labels, Series

UP = "up"
PRUNE_INTERVAL = 10_000
"""Milliseconds between two looks for samples that are too old."""


class SampleStore:
    """Keeps the samples of a few metrics for as long as queries need them.

    A target is one address that is scraped, named by its labels (`instance`, for example), which
    its series get. A series that is missing in a scrape of its target becomes stale, and all
    series of a target do when a scrape fails.
    """

    def __init__(
        self,
        metric_names: Collection[str],
        *,
        longest_range: float,
        lookback: float = LOOKBACK / 1000,
    ) -> None:
        """``longest_range``: seconds that a query looks back.

        ``lookback`` is for selectors: with less than Prometheus' 5 minutes, less is kept.
        """
        self._targets: dict[Labels, _Target] = {}
        self._series: dict[str, list[Series]] = {}
        self._lookback = lookback
        self._pruned_at = 0
        self.keep(metric_names, longest_range=longest_range)

    def keep(self, metric_names: Collection[str], *, longest_range: float) -> None:
        """Keep the samples of these metrics from now on, with those that are there already."""
        self._lines = Lines(name.encode() for name in sorted(metric_names))
        self._retention = round(max(longest_range, self._lookback) * 1000)
        self._series = {name: self._series.get(name, []) for name in {*metric_names, UP}}
        for target in self._targets.values():
            target.forget_all_but(self._series)

    def add_scrape(self, target: Mapping[str, str], at: float, exposition: bytes) -> None:
        """Add what a target returned at that time. Raises `QueryError` for text it cannot read."""
        moment = _milliseconds(at)
        state = self._target(target)
        seen: dict[Series, float] = {}
        for line, written, rest in self._lines.find(exposition):
            series = state.by_text.get(written)
            value = _number(rest)
            if series is None or value is None:
                written, rest = split(line)
                series, value = self._series_of(state, written), _read_value(written, rest)
            seen[series] = value
        for series, value in seen.items():
            series.add(moment, value)
        state.mark_stale(state.current - seen.keys(), moment)
        state.current = set(seen)
        state.up.add(moment, 1.0)
        self._prune(moment)

    def add_failed_scrape(self, target: Mapping[str, str], at: float) -> None:
        """The target did not respond: its series become stale."""
        moment = _milliseconds(at)
        state = self._target(target)
        state.mark_stale(state.current, moment)
        state.current = set()
        state.up.add(moment, 0.0)
        self._prune(moment)

    def remove_target(self, target: Mapping[str, str], at: float) -> None:
        """The target is scraped no more: all its series become stale, `up` too."""
        state = self._targets.get(frozenset(target.items()))
        if state is not None:
            state.mark_stale({*state.current, state.up}, _milliseconds(at))
            state.current = set()

    def add_sample(self, labels: Mapping[str, str], at: float, value: float | None) -> None:
        """Add one sample from elsewhere than a scrape; None marks the series as stale."""
        wanted = frozenset(labels.items())
        for series in self._series.setdefault(labels[NAME], []):
            if series.labels == wanted:
                break
        else:
            series = self._new_series(wanted)
        series.add(_milliseconds(at), value)

    def series(self, name: str) -> Sequence[Series]:
        """All series of a metric."""
        return self._series.get(name, ())

    def _target(self, labels: Mapping[str, str]) -> "_Target":
        key = frozenset(labels.items())
        state = self._targets.get(key)
        if state is None:
            state = self._targets[key] = _Target(labels, self._new_series(key | {(NAME, UP)}))
        return state

    def _series_of(self, target: "_Target", written: bytes) -> Series:
        series = target.by_text.get(written)
        if series is None:
            labels = _with_target_labels(_read_labels(written), target.labels)
            series = target.by_text[written] = self._new_series(labels)
        return series

    def _new_series(self, labels: Labels) -> Series:
        series = Series(labels)
        self._series[dict(labels)[NAME]].append(series)
        return series

    def _prune(self, now: int) -> None:
        if now < self._pruned_at + PRUNE_INTERVAL:
            return
        self._pruned_at = now
        oldest = now - self._retention
        for name, all_series in self._series.items():
            for series in all_series:
                series.forget_before(oldest)
            self._series[name] = [one for one in all_series if _is_recent(one, oldest)]
        for key, target in list(self._targets.items()):
            target.forget_before(oldest)
            if not _is_recent(target.up, oldest):
                del self._targets[key]


class _Target:
    """What is known of a target between its scrapes."""

    def __init__(self, labels: Mapping[str, str], up: Series) -> None:
        self.labels = dict(labels)
        self.up = up
        # By the text before the value: it is the same in each scrape.
        self.by_text: dict[bytes, Series] = {}
        self.current: set[Series] = set()

    def mark_stale(self, gone: Iterable[Series], at: int) -> None:
        for series in gone:
            series.add(at, None)

    def forget_all_but(self, names: Container[str]) -> None:
        kept = {s for s in self.by_text.values() if dict(s.labels)[NAME] in names}
        self.by_text = {text: series for text, series in self.by_text.items() if series in kept}
        self.current &= kept

    def forget_before(self, oldest: int) -> None:
        self.by_text = {
            text: series for text, series in self.by_text.items() if _is_recent(series, oldest)
        }


def _is_recent(series: Series, oldest: int) -> bool:
    return bool(series.times) and series.times[-1] > oldest


def _milliseconds(at: float) -> int:
    return round(at * 1000)


def _read_labels(written: bytes) -> Labels:
    try:
        return labels_of(written.decode())
    except UnicodeDecodeError:
        series = written.decode(errors="replace")
        raise QueryError(f"the labels of a sample are no UTF-8 text: {series}") from None


def _number(text: bytes) -> float | None:
    """None for what is not a number alone."""
    try:
        return float(text)
    except ValueError:
        return None


def _read_value(written: bytes, rest: bytes) -> float:
    try:
        return value_of(rest)
    except (ValueError, IndexError):
        line = (written + rest).decode(errors="replace")
        raise QueryError(f"the value of a sample cannot be read: {line}") from None


def _with_target_labels(scraped: Labels, target: Mapping[str, str]) -> Labels:
    """The target's labels win; a scraped label of the same name becomes `exported_…`."""
    renamed = {(f"exported_{name}" if name in target else name): value for name, value in scraped}
    return frozenset({**renamed, **target}.items())
