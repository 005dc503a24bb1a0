"""Why the autoscaler of a namespace wants its count: now, and as it was seen earlier."""

import asyncio
from collections import deque
from dataclasses import dataclass

from cartwheel.console.live import Live
from cartwheel.errors import CommandError
from cartwheel.explain.cluster_autoscalers import find_autoscalers
from cartwheel.explain.cluster_explainer import ClusterExplainer
from cartwheel.explain.explanation import Explanation
from cartwheel.kubernetes.api import KubernetesApi
from cartwheel.kubernetes.namespaces import read_namespace
from cartwheel.mesh import Mark

INTERVAL = 5.0
"""Seconds between two looks: one takes about a dozen requests."""
MAX_KEPT = 360
"""Explanations: half an hour."""


@dataclass(frozen=True)
class Explained:
    """``service`` is what it scales."""

    service: str
    explanation: Explanation


class ClusterExplanations:
    """Explains one autoscaler again and again: the first of the namespace, or ``chosen``."""

    def __init__(
        self,
        api: KubernetesApi,
        namespace: str,
        live: Live,
        *,
        source: str,
        chosen: str | None = None,
    ) -> None:
        self._api = api
        self._namespace = namespace
        self._live = live
        self._chosen = chosen
        self._explainer = ClusterExplainer(api, namespace, source=source)
        self._kept: deque[Explained] = deque(maxlen=MAX_KEPT)
        self.problem = ""

    @property
    def newest(self) -> Explained | None:
        return self._kept[-1] if self._kept else None

    def at(self, moment: float) -> Explained | None:
        """The newest that is not later."""
        earlier = (one for one in reversed(self._kept) if one.explanation.at <= moment)
        return next(earlier, None)

    async def run(self) -> None:
        """Explain until cancelled."""
        while True:
            before = self.newest
            try:
                self._kept.append(await asyncio.to_thread(self._explain))
                self.problem = ""
            except CommandError as error:
                self.problem = str(error)
            else:
                self._mark_change(before)
            await asyncio.sleep(INTERVAL)

    def _explain(self) -> Explained:
        """Raises `CommandError`."""
        contents = read_namespace(self._api, self._namespace)
        autoscaler = min(find_autoscalers(contents, self._chosen), key=lambda one: one.name)
        explanation = self._explainer.explain_one(contents, autoscaler)
        return Explained(autoscaler.target["name"], explanation)

    def _mark_change(self, before: Explained | None) -> None:
        counts = [_desired(one) for one in (before, self.newest)]
        if None not in counts and counts[0] != counts[1] and self.newest is not None:
            explanation = self.newest.explanation
            detail = explanation.sentences[0].text if explanation.sentences else ""
            title = f"{counts[0]} → {counts[1]}"
            self._live.mark(Mark(explanation.at, "decision", title, detail))


def _desired(explained: Explained | None) -> int | None:
    if explained is None or explained.explanation.decision is None:
        return None
    return explained.explanation.decision.desired
