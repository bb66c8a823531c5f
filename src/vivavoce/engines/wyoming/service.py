"""A Wyoming service: where it is, what it says it can do, and a connection to it per request.

Each request has a connection of its own. The protocol cancels a request by closing the connection
and in no other way, most services close it themselves when they have answered, and a connection in
a local network costs a millisecond.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from vivavoce.engines.base import EngineError
from vivavoce.engines.limits import limits_of
from vivavoce.engines.wyoming.events import (
    MAX_LINE_BYTES,
    CutOffError,
    Event,
    Info,
    NotAnEventError,
    Trouble,
    encode,
    read_event,
)

T = TypeVar("T")

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]

EXAMPLE = "tcp://localhost:10300"

_MAX_SAID = 300
"""Characters of what a service says that are repeated."""


def misconfigured(message: str) -> EngineError:
    """The error of a setting that cannot be right."""
    return EngineError(message, code="invalid_configuration")


@dataclass(frozen=True, slots=True, kw_only=True)
class WyomingTimeouts:
    """How long to wait for a service, in seconds."""

    connect: float = 5.0
    """Until the connection stands."""
    answer: float = 30.0
    """From the request to the first event of its answer."""
    between: float = 10.0
    """From each event of an answer to the next."""
    retry_pauses: tuple[float, ...] = (0.25, 1.0)
    """Before each further attempt to connect."""


Limits = WyomingTimeouts | Mapping[str, Any] | None
"""What an operator says about them."""


class Connection:
    """One request's connection."""

    def __init__(self, uri: str, stream: Stream, timeouts: WyomingTimeouts) -> None:
        self._uri = uri
        self._reader, self._writer = stream
        self._timeouts = timeouts
        self._answered = False

    def send(self, events: Iterable[Event]) -> None:
        """Send events. It does not wait: the answer may begin before all has gone out.

        What is not sent yet stays in memory, so a request must have a bound.
        """
        for event in events:
            self._writer.write(encode(event))

    async def receive(self) -> Event:
        """The next event of the answer.

        Raises `EngineError` when none comes in time, for an event `error`, for what is no event,
        and when the service closes the connection.
        """
        limit = self._timeouts.between if self._answered else self._timeouts.answer
        try:
            async with asyncio.timeout(limit):
                event = await read_event(self._reader)
        except TimeoutError:
            begun = "stopped: nothing came" if self._answered else "did not answer"
            raise self.failure(f"{begun} for {limit:g} s", "timeout") from None
        except NotAnEventError as error:
            raise self.failure(f"sent what is no event: {error}", "invalid_response") from error
        except (CutOffError, OSError):
            event = None
        if event is None:
            raise self.failure(
                "closed the connection before the answer was complete", "connection_lost"
            )
        self._answered = True
        if event.type == "error":
            raise self._reported(self.fields(event, Trouble))
        return event

    def fields(self, event: Event, kind: type[T]) -> T:
        """The fields of an event as a value. Raises `EngineError` naming one that is wrong."""
        try:
            return msgspec.convert(event.data, kind)
        except msgspec.ValidationError as error:
            raise self.failure(f"sent a wrong {event.type}: {error}", "invalid_response") from error

    def failure(self, text: str, code: str) -> EngineError:
        """An error of this service."""
        return EngineError(f"{self._uri} {text}", code=code)

    def _reported(self, trouble: Trouble) -> EngineError:
        code = f" ({trouble.code})" if trouble.code else ""
        said = trouble.text[:_MAX_SAID] or "without saying what"
        return self.failure(f"reported an error{code}: {said}", "server_error")


class Service:
    """A service at `tcp://HOST:PORT` or `unix:///PATH`. Raises `EngineError` for another URI."""

    def __init__(self, uri: str, timeouts: Limits = None) -> None:
        self.uri = uri
        self._timeouts = limits_of(WyomingTimeouts, timeouts)
        self._place = _place(uri)

    def describe(self) -> Info:
        """Ask what the service can do; blocks. Raises `EngineError`."""
        return asyncio.run(self._describe())

    async def _describe(self) -> Info:
        async with self.connection() as connection:
            connection.send([Event("describe")])
            event = await connection.receive()
            while event.type != "info":
                event = await connection.receive()
            return connection.fields(event, Info)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Connect, for one request. Leaving it closes the connection at once."""
        stream = await self._connect()
        try:
            yield Connection(self.uri, stream, self._timeouts)
        finally:
            writer = stream[1]
            writer.transport.abort()  # an answer that nobody reads must not be waited for
            with suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> Stream:
        for pause in (*self._timeouts.retry_pauses, None):
            try:
                async with asyncio.timeout(self._timeouts.connect):
                    return await self._open()
            except TimeoutError:
                reason = f"no connection within {self._timeouts.connect:g} s"
            except OSError as error:
                reason = _reason(error)
            if pause is None:
                break
            await asyncio.sleep(pause)
        raise EngineError(
            f"{self.uri} cannot be reached: {reason}. Is the service running?",
            code="connection_failed",
        )

    async def _open(self) -> Stream:
        if isinstance(self._place, str):
            return await asyncio.open_unix_connection(self._place, limit=MAX_LINE_BYTES)
        host, port = self._place
        return await asyncio.open_connection(host, port, limit=MAX_LINE_BYTES)


def _place(uri: str) -> str | tuple[str, int]:
    """The path of a socket, or host and port."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:  # no address, or no port
        parts, port = urlsplit(""), None
    match parts.scheme:
        case "tcp" if parts.hostname and port:
            return parts.hostname, port
        case "unix" if parts.path and not parts.netloc:
            return parts.path
    raise misconfigured(
        f"{uri!r} is not the URI of a Wyoming service: one is {EXAMPLE}, or unix:///run/a.sock"
    )


def _reason(error: OSError) -> str:
    # Several addresses of one name give one error for all of them, without a number.
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return error.strerror or str(error)


def matching(language: str, known: Iterable[str]) -> str | None:
    """What a service calls a language: its own tag for `en-US`, else one for `en`, or None."""
    tags: dict[str, Any] = {_plain(tag): tag for tag in reversed(tuple(known))}
    wanted = _plain(language)
    primary = wanted.split("-")[0]
    regions = [tag for plain, tag in reversed(tags.items()) if plain.split("-")[0] == primary]
    return tags.get(wanted) or tags.get(primary) or (regions[0] if regions else None)


def _plain(tag: str) -> str:
    return tag.lower().replace("_", "-")
