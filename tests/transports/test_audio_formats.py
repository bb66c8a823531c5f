"""Protocol 2.5, rows 37 and 93: every format both ways and mixed, over a real socket.

What a client says in one format is heard as the same turn, and the voice's tone comes back at its
pitch and length in another.
"""

import asyncio
import base64
import contextlib
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from support.server import PATIENCE_S, Client, Event, LiveServer, serving
from support.sound import utterance
from vivavoce.audio import g711
from vivavoce.audio.framing import OutputEncoder

PCM = {"type": "audio/pcm", "rate": 24_000}
PCM_48K = {"type": "audio/pcm", "rate": 48_000}
PCM_44K = {"type": "audio/pcm", "rate": 44_100}
PCMU = {"type": "audio/pcmu"}
PCMA = {"type": "audio/pcma"}
FORMATS = [PCM, PCM_48K, PCM_44K, PCMU, PCMA]

HEARD_MS = 300 + 480 + 150
"""How long `utterance(480)` is heard: the padding, the tone, and the pad behind it."""

WINDOW_MS = 32

VOICE = "cedar"
HERTZ = 200 + zlib.crc32(VOICE.encode()) % 400
"""The tone that the scripted synthesizer gives to this voice."""

WORDS = "A tone is heard."


class UnjudgedClient(Client):
    """A client whose events are not held against the SDK's types: those know `audio/pcm` at
    24 kHz only, while the live service refuses only what is lower (protocol 2.5)."""

    async def next(self) -> Event:
        async with asyncio.timeout(PATIENCE_S):
            event: Event = json.loads(await self.socket.receive_str())
        self.events.append(event)
        return event


@contextlib.asynccontextmanager
async def connected(server: LiveServer, *formats: dict[str, Any]) -> AsyncIterator[Client]:
    """A client that will use these formats."""
    if all(format_.get("rate", 24_000) == 24_000 for format_ in formats):
        async with server.connect() as client:
            yield client
        return
    async with server.http.ws_connect(f"{server.url}/realtime?model=test") as socket:
        yield UnjudgedClient(socket)


def rate_of(format_: dict[str, Any]) -> int:
    rate: int = format_.get("rate", 8000)
    return rate


def encoded(pcm: bytes, format_: dict[str, Any]) -> bytes:
    """24 kHz PCM as a client with this format sends it."""
    encoder = OutputEncoder(format_["type"], rate_of(format_))
    return encoder.push(pcm) + encoder.flush()


def decoded(audio: bytes, format_: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Samples of what a client with this format was sent."""
    match format_["type"]:
        case "audio/pcmu":
            audio = g711.decode_mulaw(audio)
        case "audio/pcma":
            audio = g711.decode_alaw(audio)
    return np.frombuffer(audio, "<i2")


def pitch(samples: np.ndarray[Any, np.dtype[np.int16]], rate: int) -> float:
    """The strongest frequency in hertz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


async def turn(client: Client, into: dict[str, Any], out_of: dict[str, Any]) -> bytes:
    """A spoken turn; gives the bytes of its answer."""
    await client.update(
        audio={
            "input": {"format": into, "transcription": {"model": "any"}},
            "output": {"format": out_of, "voice": VOICE},
        }
    )
    await client.append(encoded(utterance(480), into), chunk=777)
    await client.until("response.done")
    deltas = client.of("response.output_audio.delta")
    return b"".join(base64.b64decode(event["delta"]) for event in deltas)


def name_of(format_: dict[str, Any]) -> str:
    return f"{format_['type'].removeprefix('audio/')}-{rate_of(format_)}"


@pytest.mark.parametrize("out_of", FORMATS, ids=name_of)
@pytest.mark.parametrize("into", FORMATS, ids=name_of)
async def test_row_037_every_format_is_heard_and_spoken(
    into: dict[str, Any], out_of: dict[str, Any]
) -> None:
    replies = f"rules: [{{say: '{WORDS}'}}]"
    async with serving(replies=replies) as server, connected(server, into, out_of) as client:
        audio = await turn(client, into, out_of)
    heard = client.of("conversation.item.input_audio_transcription.completed")
    heard_ms = [int(event["transcript"].split()[0]) for event in heard]
    assert heard_ms == [pytest.approx(HEARD_MS, abs=WINDOW_MS)]
    samples, rate = decoded(audio, out_of), rate_of(out_of)
    assert pitch(samples, rate) == pytest.approx(HERTZ, abs=2)
    assert len(samples) * 1000 / rate == pytest.approx(60 * len(WORDS), abs=5)


async def test_row_093_deltas_are_whole_samples_of_the_output_format() -> None:
    replies = f"rules: [{{say: '{WORDS}'}}]"
    async with serving(replies=replies) as server, connected(server, PCM_44K) as client:
        await turn(client, PCMU, PCM_44K)
    deltas = client.of("response.output_audio.delta")
    assert all(len(base64.b64decode(event["delta"])) % 2 == 0 for event in deltas)
    done = client.of("response.done")[0]["response"]
    assert done["audio"]["output"]["format"] == PCM_44K
