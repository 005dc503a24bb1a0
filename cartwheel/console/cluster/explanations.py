"""Why the autoscaler of a namespace wants its count: now, and as it was seen earlier."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from cartwheel.console.autoscaler_state import Decided, autoscaler_state, counts_of
from cartwheel.console.explanation_json import explanation_json, no_explanation_json
from cartwheel.console.live import Live
from cartwheel.console.server import number_of
from cartwheel.errors import CommandError
from cartwheel.explain.cluster_autoscalers import find_autoscalers
from cartwheel.explain.cluster_explainer import ClusterExplainer
from cartwheel.explain.explanation import Explanation
from cartwheel.kubernetes.api import KubernetesApi
from cartwheel.kubernetes.namespaces import read_namespace
from cartwheel.mesh import AutoscalerState, Mark, ServiceState

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
    def routes(self) -> Sequence[Route]:
        return [Route("/api/explanation", self._get)]

    @property
    def newest(self) -> Explained | None:
        return self._kept[-1] if self._kept else None

    def state(self, services: Sequence[ServiceState]) -> AutoscalerState | None:
        """The autoscaler as it was seen last, and the service it scales as it is now."""
        if self.newest is None:
            return None
        scaled, explanation = self.newest.service, self.newest.explanation
        service = next((one for one in services if one.name == scaled), None)
        if service is None or isinstance(explanation.autoscaler, str):
            return None
        decided = Decided(
            explanation.autoscaler,
            explanation.observation,
            explanation.decision,
            sentence=explanation.sentences[0].text if explanation.sentences else "",
        )
        return autoscaler_state(decided, counts_of(service), arrivals=service.rate)

    async def run(self) -> None:
        """Explain until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL)
            await self.explain()

    async def explain(self) -> None:
        """Look once; a problem is remembered."""
        before = self.newest
        try:
            self._kept.append(await asyncio.to_thread(self._explain))
            self.problem = ""
        except CommandError as error:
            self.problem = str(error)
        else:
            self._mark_change(before)

    async def _get(self, request: Request) -> JSONResponse:
        """`GET /api/explanation?at=`: the newest that is not later; without ``at``, the newest."""
        at = number_of(request, "at")
        explained = self._latest(before=math.inf if at is None else at)
        if explained is None:
            why = self.problem or "No autoscaler was seen at that time."
            return JSONResponse(no_explanation_json(time.time() if at is None else at, why))
        return JSONResponse(explanation_json(explained.explanation))

    def _latest(self, *, before: float) -> Explained | None:
        earlier = (one for one in reversed(self._kept) if one.explanation.at <= before)
        return next(earlier, None)

    def _explain(self) -> Explained:
        """Raises `CommandError`."""
        contents = read_namespace(self._api, self._namespace)
        autoscaler = min(find_autoscalers(contents, self._chosen), key=lambda one: one.name)
        explanation = self._explainer.explain_one(contents, autoscaler)
        return Explained(autoscaler.target["name"], explanation)

    def _mark_change(self, before: Explained | None) -> None:
        """Mark a new count, with the sentence about the metric."""
        counts = [_desired(one) for one in (before, self.newest)]
        if self.newest is None or None in counts or counts[0] == counts[1]:
            return
        explanation = self.newest.explanation
        detail = next((one.text for one in explanation.sentences[1:]), "")
        title = f"{counts[0]} → {counts[1]}"
        self._live.mark(Mark(explanation.at, "decision", title, detail))


def _desired(explained: Explained | None) -> int | None:
    if explained is None or explained.explanation.decision is None:
        return None
    return explained.explanation.decision.desired
