"""Two WebSockets as one: what comes over either goes out over the other, the close included."""

import asyncio
import logging
from collections.abc import Callable

from aiohttp import ClientWebSocketResponse, WSCloseCode, WSMessage, WSMsgType, web

from vivavoce.transports.websocket_connection import CLOSE_TIMEOUT_S, STALL_TIMEOUT_S

AnySocket = web.WebSocketResponse | ClientWebSocketResponse

logger = logging.getLogger(__name__)

NO_CODE = (0, WSCloseCode.OK, 1005)
"""What a close frame that gives no reason is read as, here and there."""


async def relay(one: AnySocket, other: AnySocket, cut_off: Callable[[], None]) -> None:
    """Relay until either side closes, and close the other likewise.

    Pings and pongs go through as well, so both sockets must be without `autoping`: whether a client
    is alive is for the far end to judge. Nothing is stored: who reads slowly is read slowly. If one
    does not read at all, or one direction outlives the other for too long, `cut_off` is called,
    which has to end the TCP connection of `one`: only this wakes who waits for it to read.
    """
    try:
        async with asyncio.TaskGroup() as tasks:
            pumps = [
                tasks.create_task(pump(one, other)),
                tasks.create_task(pump(other, one)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await asyncio.wait(pumps)
    except* TimeoutError:
        logger.warning("A relayed connection does not read, or does not end. It is cut off.")
        cut_off()


async def pump(source: AnySocket, sink: AnySocket) -> None:
    """One direction, up to the close. Raises `TimeoutError` if the sink does not read."""
    while True:
        message = await source.receive()
        try:
            async with asyncio.timeout(STALL_TIMEOUT_S):
                if not await passed(message, sink):
                    break
        except ConnectionError:  # the sink is closing, and its own direction says why
            break
    async with asyncio.timeout(CLOSE_TIMEOUT_S):
        await sink.close(code=code_of(message), message=reason_of(message))


async def passed(message: WSMessage, sink: AnySocket) -> bool:
    """Send what was received; False for what ends a direction."""
    match message.type:
        case WSMsgType.TEXT:
            await sink.send_str(message.data)
        case WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        case WSMsgType.PING:
            await sink.ping(message.data)
        case WSMsgType.PONG:
            await sink.pong(message.data)
        case _:
            return False
    return True


def code_of(end: WSMessage) -> int:
    """The close code to pass on; of a side that was lost without one, that it went away."""
    if end.type is not WSMsgType.CLOSE:
        return WSCloseCode.GOING_AWAY
    return WSCloseCode.OK if end.data in NO_CODE else int(end.data)


def reason_of(end: WSMessage) -> bytes:
    """The reason of a close, if there is one."""
    return (end.extra or "").encode() if end.type is WSMsgType.CLOSE else b""
