"""A client of the realtime protocol, on aiohttp alone: no other package is needed for it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import click
import msgspec
import pybase64
from aiohttp import WSMsgType
from yarl import URL

MAX_FRAME = 32 * 1024 * 1024
"""Bytes of one event from the server: an item with its audio can be long."""

Event = dict[str, Any]


class RealtimeConnection:
    """An open connection. Iterate over it for the server's events, until the server closes it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, event: Event) -> None:
        """Send a client event; waits while the server does not keep up."""
        await self._socket.send_str(msgspec.json.encode(event).decode())

    async def append(self, pcm: bytes) -> None:
        """Append audio in the session's input format."""
        audio = pybase64.b64encode_as_string(pcm)
        await self.send({"type": "input_audio_buffer.append", "audio": audio})

    async def __aiter__(self) -> AsyncIterator[Event]:
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                yield msgspec.json.decode(message.data, type=Event)


@contextlib.asynccontextmanager
async def connect(
    base_url: str, *, api_key: str | None = None, **query: str
) -> AsyncIterator[RealtimeConnection]:
    """Connect to `base_url`, as `connect("http://127.0.0.1:8080/v1", model="vivavoce")`.

    Raises `click.ClickException` if there is no such server.
    """
    url = realtime_url(base_url)
    headers = {} if api_key is None else {"Authorization": f"Bearer {api_key}"}
    async with aiohttp.ClientSession() as http:
        try:
            socket = await http.ws_connect(
                url.with_query(query),
                protocols=("realtime",),
                headers=headers,
                max_msg_size=MAX_FRAME,
            )
        except aiohttp.WSServerHandshakeError as error:
            raise click.ClickException(
                f"{url} answers, but not as a realtime server (HTTP {error.status}). "
                "Give the base URL, such as http://127.0.0.1:8080/v1."
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise click.ClickException(
                f"Cannot connect to {url}: {error}. Does `vivavoce serve` run there?"
            ) from error
        try:
            yield RealtimeConnection(socket)
        finally:
            await socket.close()


def realtime_url(base_url: str, option: str = "--url") -> URL:
    """The WebSocket's address under a base URL; an address of the WebSocket itself is kept.

    `option` is where the URL was given, for errors.

    Raises `click.ClickException` for what is no URL of a server.
    """
    try:
        url = URL(base_url)
    except ValueError as error:
        raise click.ClickException(f"{option} {base_url}: {error}") from error
    if url.scheme not in ("http", "https", "ws", "wss") or not url.host:
        raise click.ClickException(
            f"{option} {base_url}: expected an address such as http://127.0.0.1:8080/v1."
        )
    path = url.path.rstrip("/")
    return url.with_path(path if path.endswith("/realtime") else f"{path}/realtime")


def refusal(event: Event) -> click.ClickException:
    """What an `error` event says, as the end of a command."""
    error = event["error"]
    return click.ClickException(f"The server refused: {error['message']}")
