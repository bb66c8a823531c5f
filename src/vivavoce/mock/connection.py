"""A connection that does what it is told, and what its script lets go wrong."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from vivavoce.dialects import ga
from vivavoce.mock.faults import Fault, FaultPlan
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.server_events import Error
from vivavoce.transports.websocket_connection import WebSocketConnection

OnReceived = Callable[[dict[str, Any]], None]
"""Called with each client event, as it was sent."""


class Envelope(msgspec.Struct, frozen=True):
    """What faults look at in an event."""

    type: str = ""
    event_id: str | None = None


class MockConnection(WebSocketConnection):
    """One client's socket, with its faults. Errors that they send get ids from `chances`."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        plan: FaultPlan,
        *,
        chances: random.Random,
        on_received: OnReceived | None,
    ) -> None:
        super().__init__(socket, transport)
        self.ids = Ids(chances.getrandbits)
        self._plan = plan
        self._on_received = on_received
        loop = asyncio.get_running_loop()
        self._timers = [
            loop.call_later((fault.after_ms or 0) / 1000, self._interrupt, fault)
            for fault in plan.timed
        ]

    async def write(self) -> None:
        """Write what is queued; what goes wrong at once comes before all of it."""
        for fault in self._plan.at_once:
            self._befall(fault)
        await super().write()

    async def receive(self) -> WSMessage:
        """What the client sends next, without the events that faults answer."""
        while True:
            message = await super().receive()
            if message.type is not WSMsgType.TEXT or await self._passes(message.data):
                return message

    async def write_frame(self, frame: bytes) -> None:
        """Write one frame, and let its faults happen around it."""
        faults = self._plan.sent(envelope(frame).type)
        for fault in faults:
            await asyncio.sleep(fault.delay_ms / 1000)
        await super().write_frame(frame)
        for fault in faults:
            self._interrupt(fault)

    def free(self) -> None:
        """The connection is over, and with it all that was still to go wrong."""
        super().free()
        for timer in self._timers:
            timer.cancel()

    async def _passes(self, frame: bytes) -> bool:
        """Whether the session is to see this event."""
        event = envelope(frame)
        if self._on_received is not None:
            self._on_received(as_object(frame))
        faults = self._plan.received(event.type)
        for fault in faults:
            await asyncio.sleep(fault.delay_ms / 1000)
            self._befall(fault, event.event_id)
        return not any(fault.error or fault.ends_the_connection for fault in faults)

    def _interrupt(self, fault: Fault) -> None:
        """Let a fault happen now: if it ends the connection, what is queued is never sent."""
        if fault.ends_the_connection:
            self.discard()
        self._befall(fault)

    def _befall(self, fault: Fault, event_id: str | None = None) -> None:
        """Let a fault happen; `event_id` is that of the client event which it answers."""
        if fault.error is not None:
            detail = fault.error.detail(event_id)
            self.send(Error(event_id=self.ids.new("event"), error=detail))
        if fault.close is not None:
            self.close(fault.close.code, fault.close.reason)
        if fault.drop:
            self.cut_off()


def envelope(frame: bytes) -> Envelope:
    """Type and id of an event; of no event, where it is none."""
    try:
        return msgspec.json.decode(frame, type=Envelope)
    except ga.UNREADABLE:
        return Envelope()


def as_object(frame: bytes) -> dict[str, Any]:
    """An event as its client wrote it; text that is no object as `{"unreadable": text}`."""
    try:
        return msgspec.json.decode(frame, type=dict[str, Any])
    except ga.UNREADABLE:
        return {"unreadable": frame.decode(errors="replace")}
