"""The local run at the target of a load: its replicas, and what its autoscaler decides."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cartwheel.autoscaling.keda import generated_autoscaler
from cartwheel.autoscaling.metric_sentences import NO_UNITS
from cartwheel.autoscaling.scaled_object import ScaledObject
from cartwheel.autoscaling.sentences import explain
from cartwheel.autoscaling.spec import ControllerOptions, HorizontalPodAutoscalerSpec
from cartwheel.errors import CommandError
from cartwheel.load.session import ReplicaCounts, ScalingDecision, Session
from cartwheel.local.autoscaling.announcements import describe_change
from cartwheel.local.control_socket import send_command
from cartwheel.local.state_folder import StateFolder
from cartwheel.local.store_urls import running_store_urls
from cartwheel.local.topology import FRONT_SERVICE
from cartwheel.recording import (
    AutoscalerChanged,
    Entry,
    RecordingTail,
    ReplicasChanged,
    SessionStarted,
    Synced,
)

POLL_INTERVAL = 0.25
STATUS_INTERVAL = 2.0
"""Without an autoscaler nothing is recorded; a status costs the supervisor more than a file."""
RESPONSE_TIMEOUT = 3.0
SCALED_SERVICE = "cart"
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class InForce:
    """What decides: the autoscaler itself, or the one that KEDA makes."""

    spec: HorizontalPodAutoscalerSpec
    options: ControllerOptions
    units: Mapping[str, str]


class LocalRun:
    """A shop of `cartwheel up` that runs now. ``url`` is where it is reached."""

    def __init__(self, state: StateFolder, status: Mapping[str, Any]) -> None:
        self._state = state
        self._status = status
        autoscaler = status.get("autoscaler")
        self.has_autoscaler = bool(autoscaler)
        self.service: str = autoscaler["service"] if autoscaler else SCALED_SERVICE
        self.url: str = self._service(FRONT_SERVICE)["url"]
        self._autoscalers: dict[str, InForce] = {}

    @classmethod
    def find(cls, state: StateFolder) -> "LocalRun | None":
        """The one of this state folder; None if none runs, or it is just starting or stopping."""
        try:
            status = _status(state)
        except CommandError:
            return None
        has_front = any(one["service"] == FRONT_SERVICE for one in status["services"])
        return cls(state, status) if has_front else None

    @property
    def stores(self) -> Mapping[str, str]:
        """The URLs of its stores by service."""
        return running_store_urls(self._state, self._status)

    def is_at(self, target: str) -> bool:
        own, other = urlsplit(self.url), urlsplit(target)
        return other.hostname in (*LOOPBACK, own.hostname) and other.port == own.port

    @property
    def counts(self) -> ReplicaCounts:
        """The replicas at the time of the status: those that are ready serve."""
        service = self._service(self.service)
        return ReplicaCounts(time.time(), service["desired"], service["ready"], service["ready"])

    async def follow(self, session: Session) -> None:
        """Add to the session what happens to the replicas, until cancelled."""
        session.replicas.append(self.counts)
        recording = self._state.recording
        if self.has_autoscaler and recording.exists():
            await self._follow_recording(session, recording)
        else:
            await self._follow_status(session)

    async def _follow_recording(self, session: Session, path: Path) -> None:
        tail = RecordingTail(path)
        try:
            for entry in tail.earlier_entries():
                self._remember(entry)
            while True:
                for entry in tail.new_entries():
                    self._remember(entry)
                    self._add(entry, session)
                await asyncio.sleep(POLL_INTERVAL)
        finally:
            tail.close()

    async def _follow_status(self, session: Session) -> None:
        while True:
            await asyncio.sleep(STATUS_INTERVAL)
            try:
                self._status = await asyncio.to_thread(_status, self._state)
            except CommandError:
                continue
            session.replicas.append(self.counts)

    def _remember(self, entry: Entry) -> None:
        if not isinstance(entry, SessionStarted | AutoscalerChanged):
            return
        name, autoscaler = entry.autoscaler.name, entry.autoscaler
        if isinstance(autoscaler, ScaledObject):
            autoscaler = generated_autoscaler(autoscaler)
        if isinstance(entry, SessionStarted):
            self._autoscalers[name] = InForce(autoscaler, entry.options, entry.units)
        elif (before := self._autoscalers.get(name)) is not None:
            self._autoscalers[name] = InForce(autoscaler, before.options, entry.units)

    def _add(self, entry: Entry, session: Session) -> None:
        if isinstance(entry, ReplicasChanged) and entry.service == self.service:
            session.replicas.append(
                ReplicaCounts(entry.at, entry.desired, entry.ready, entry.serving)
            )
        elif isinstance(entry, Synced) and entry.decision.desired != entry.decision.current:
            session.decisions.append(self._decision(entry))

    def _decision(self, synced: Synced) -> ScalingDecision:
        decision = synced.decision
        known = self._autoscalers.get(synced.autoscaler)
        sentences, units = [], NO_UNITS
        if known is not None:
            units = known.units
            sentences = explain(
                decision,
                known.spec,
                observation=synced.observation,
                options=known.options,
                units=units,
            )
        summary = describe_change(decision, units=units)
        return ScalingDecision(synced.at, decision.current, decision.desired, summary, sentences)

    def _service(self, name: str) -> Mapping[str, Any]:
        return next(one for one in self._status["services"] if one["service"] == name)


def _status(state: StateFolder) -> Mapping[str, Any]:
    """Raises `CommandError`."""
    if state.running_pid() is None:
        raise CommandError("Nothing runs.")
    return send_command(state.control_socket, {"command": "status"}, timeout=RESPONSE_TIMEOUT)
