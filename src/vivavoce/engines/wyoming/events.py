"""The events of the Wyoming protocol, as bytes and as values (github.com/OHF-Voice/wyoming).

An event is a line of JSON, maybe followed by more JSON and by a payload, whose lengths the line
tells. The protocol's own package reads them too, but makes an end of the connection out of what
is no event, and reads whatever length it is told; here the one is an error, the other has a bound.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

MAX_LINE_BYTES = 1024 * 1024
"""Some services write all they know about their voices into the line."""

MAX_PART_BYTES = 16 * 1024 * 1024
"""A longer part is refused: five minutes of audio at 24 kHz fit into one."""

T = TypeVar("T")

_CHUNK_MS = 64


class NotAnEventError(ValueError):
    """What came is no event; the text says what it is instead."""


class CutOffError(EOFError):
    """The connection ended in the middle of an event."""


class Event(msgspec.Struct, frozen=True):
    """One event. `data` are its fields, `payload` is mostly audio."""

    type: str
    data: dict[str, Any] = {}
    payload: bytes = b""


class _Header(msgspec.Struct, omit_defaults=True):
    type: str
    data: dict[str, Any] = {}
    data_length: int | None = None
    payload_length: int | None = None


class AudioFormat(msgspec.Struct, frozen=True):
    """The fields of `audio-start` and `audio-chunk`: hertz, bytes of a sample, channels."""

    rate: int
    width: int
    channels: int


class Text(msgspec.Struct, frozen=True):
    """The fields of `transcript` and `transcript-chunk`."""

    text: str
    language: str | None = None


class Trouble(msgspec.Struct, frozen=True):
    """The fields of `error`."""

    text: str = ""
    code: str | None = None


class Speaker(msgspec.Struct, frozen=True):
    """One of the speakers of a voice."""

    name: str


class Model(msgspec.Struct, frozen=True):
    """A model that hears, or a voice. `languages` are tags, such as `en` or `en_US`."""

    name: str
    languages: tuple[str, ...] = ()
    installed: bool = True
    speakers: tuple[Speaker, ...] | None = None


class Program(msgspec.Struct, frozen=True):
    """What one of a service's programs can do."""

    name: str
    models: tuple[Model, ...] = ()
    voices: tuple[Model, ...] = ()
    supports_synthesize_streaming: bool = False


class Info(msgspec.Struct, frozen=True):
    """The fields of `info`: the programs that recognise speech, and those that speak."""

    asr: tuple[Program, ...] = ()
    tts: tuple[Program, ...] = ()


def encode(event: Event) -> bytes:
    """An event as it is sent."""
    data = msgspec.json.encode(event.data) if event.data else b""
    header = _Header(
        event.type,
        data_length=len(data) or None,
        payload_length=len(event.payload) or None,
    )
    return msgspec.json.encode(header) + b"\n" + data + event.payload


async def read_event(reader: asyncio.StreamReader) -> Event | None:
    """The next event, or None where the connection has ended between two.

    Raises `NotAnEventError` and `CutOffError`. The reader's limit is the longest line.
    """
    try:
        line = await reader.readline()
    except ValueError as error:
        raise NotAnEventError("a line that is too long") from error
    if not line:
        return None
    if not line.endswith(b"\n"):
        raise CutOffError
    header = _decoded(line, _Header)
    more = await _part(reader, header.data_length)
    data = header.data | _decoded(more, dict[str, Any]) if more else header.data
    return Event(header.type, data, await _part(reader, header.payload_length))


def audio_events(pcm: bytes, rate: int) -> Iterator[Event]:
    """A clip of mono int16 PCM at `rate` hertz, from `audio-start` to `audio-stop`."""
    form = {"rate": rate, "width": 2, "channels": 1}
    size = 2 * rate * _CHUNK_MS // 1000
    yield Event("audio-start", {**form, "timestamp": 0})
    for start in range(0, len(pcm), size):
        yield Event("audio-chunk", form, pcm[start : start + size])
    yield Event("audio-stop")


async def _part(reader: asyncio.StreamReader, length: int | None) -> bytes:
    if not length:
        return b""
    if not 0 < length <= MAX_PART_BYTES:
        raise NotAnEventError(f"an event with a part of {length} bytes")
    try:
        return await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise CutOffError from error


def _decoded(data: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        said = data[:_SHOWN].decode("utf-8", "replace").strip()
        raise NotAnEventError(f"{said!r}: {error}") from error


_SHOWN = 80
