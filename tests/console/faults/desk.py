"""A console with faults, and what tests ask it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from cartwheel.chaos.shop import Shop
from cartwheel.console.faults import FaultsPart
from cartwheel.console.live import Live
from cartwheel.console.local import LocalSource
from cartwheel.console.server import Session
from cartwheel.console.server.session import AvailableParts
from cartwheel.mesh import FaultState, Mark
from tests.console.console_server import Console, serving_console
from tests.support.waiting import until

RECOVERS_WITHIN = 30.0


@dataclass
class Desk:
    """The console of a shop."""

    console: Console
    part: FaultsPart
    shop: Shop
    marks: list[Mark]

    async def get(self, path: str) -> Any:
        return (await self.console.client.get(path)).json()

    async def send(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        client = self.console.client
        return await client.request(method, path, json=body, headers=self.console.token)

    async def effects(self) -> list[dict[str, Any]]:
        effects: list[dict[str, Any]] = (await asyncio.to_thread(self.shop.status))["faults"]
        return effects

    async def states(self) -> list[FaultState]:
        return list(self.part.states(await self.effects()))

    async def outcome(self) -> dict[str, Any]:
        """Of the last fault, as soon as it is known."""
        await until(self._is_outcome_known, within=RECOVERS_WITHIN)
        outcome: dict[str, Any] = (await self.get("/api/faults"))["last"]
        return outcome

    async def _is_outcome_known(self) -> bool:
        last = (await self.get("/api/faults"))["last"]
        return last is not None and not last["watched"]

    async def is_broken(self) -> bool:
        return bool(await self.effects())

    async def is_whole(self) -> bool:
        """Whether nothing is broken."""
        return not await self.effects()


@asynccontextmanager
async def faults_desk(shop: Shop, *, with_frames: bool = False) -> AsyncIterator[Desk]:
    """Serve the part of a shop's console that breaks it; ``with_frames`` the page works too."""
    marks: list[Mark] = []
    live = Live()
    live.on_mark.append(marks.append)
    part = FaultsPart(shop.state, mark=live.mark)
    source = LocalSource(shop.state, live, fault_states=part.states)
    session = Session("local", "A shop", shop_url=shop.url, parts=AvailableParts(faults=True))
    parts = [part, source] if with_frames else [part]
    async with serving_console(parts, session=session, live=live) as console:
        yield Desk(console, part, shop, marks)
