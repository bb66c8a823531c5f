"""Callers in real time: N sessions that append recorded speech and note when turns end.

Run by `bench/listening.py`, in a process of its own. Prints one line of JSON.
"""

import argparse
import asyncio
import json
import time
from dataclasses import dataclass, field

import aiohttp
import pybase64
import uvloop

from vivavoce.audio.units import BYTES_PER_MS
from vivavoce.speech import clip

CLIPS = ("time", "sum", "weather", "hello", "repeat", "story")
GAP_MS = 1300
SILENCE_MS = 500
MARGIN_MS = 200
"""What a detector may be off at the end of speech."""


@dataclass
class Track:
    """A few clips with silence between, as frames, and where speech truly begins and ends."""

    frames: list[str] = field(default_factory=list)
    onsets_ms: list[int] = field(default_factory=list)
    offsets_ms: list[int] = field(default_factory=list)


def record(chunk_ms: int) -> Track:
    """The track that every caller plays, over and over."""
    track, pcm = Track(), bytearray()
    for name in CLIPS:
        spoken = clip(name)
        begins_ms = len(pcm) // BYTES_PER_MS
        track.onsets_ms.append(begins_ms + spoken.onset_ms)
        track.offsets_ms.append(begins_ms + spoken.offset_ms)
        pcm += spoken.pcm + bytes(GAP_MS * BYTES_PER_MS)
    size = chunk_ms * BYTES_PER_MS
    for start in range(0, len(pcm) // size * size, size):
        audio = pybase64.b64encode_as_string(bytes(pcm[start : start + size]))
        track.frames.append(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}')
    return track


@dataclass
class Tally:
    """What all callers saw."""

    started_ms: list[float] = field(default_factory=list)
    stopped_ms: list[float] = field(default_factory=list)
    decided_ms: list[float] = field(default_factory=list)
    certain: int = 0
    """Turns that must have ended: the silence was played, and some time more."""
    possible: int = 0
    """Turns that may have ended: the silence was played, or nearly."""
    late_ms: float = 0.0


async def call(
    http: aiohttp.ClientSession, url: str, track: Track, tally: Tally, begin: float, until: float
) -> None:
    """One caller, from `begin` to `until` on the loop's clock."""
    async with http.ws_connect(url, max_msg_size=0, compress=0) as socket:
        await socket.receive()
        update = {"turn_detection": {"type": "server_vad", "create_response": False}}
        await socket.send_str(
            json.dumps(
                {
                    "type": "session.update",
                    "session": {"type": "realtime", "audio": {"input": update}},
                }
            )
        )
        listening = asyncio.create_task(listen(socket, track, tally, begin, len(track.frames)))
        loop, count = asyncio.get_running_loop(), 0
        chunk_s = chunk_seconds(track)
        while (due := begin + count * chunk_s) < until:
            await asyncio.sleep(due - loop.time())
            tally.late_ms = max(tally.late_ms, 1000 * (loop.time() - due))
            await socket.send_str(track.frames[count % len(track.frames)])
            count += 1
        played_ms = 1000 * count * chunk_s
        length_ms = 1000 * len(track.frames) * chunk_s
        ends = [o + lap * length_ms for lap in range(99) for o in track.offsets_ms]
        tally.certain += sum(1 for end in ends if end + SILENCE_MS + MARGIN_MS < played_ms)
        tally.possible += sum(1 for end in ends if end + SILENCE_MS - MARGIN_MS < played_ms)
        await asyncio.sleep(0.3)
        listening.cancel()


def chunk_seconds(track: Track) -> float:
    """How much audio a frame holds."""
    audio = json.loads(track.frames[0])["audio"]
    return len(pybase64.b64decode(audio)) / (1000 * BYTES_PER_MS)


async def listen(
    socket: aiohttp.ClientWebSocketResponse,
    track: Track,
    tally: Tally,
    begin: float,
    frames: int,
) -> None:
    """Note how long after the truth each event came."""
    loop = asyncio.get_running_loop()
    length_ms = 1000 * frames * chunk_seconds(track)
    async for message in socket:
        now_ms = 1000 * (loop.time() - begin)
        event = json.loads(message.data)
        if event["type"] == "input_audio_buffer.speech_started":
            tally.started_ms.append(since(track.onsets_ms, now_ms, length_ms))
        elif event["type"] == "input_audio_buffer.speech_stopped":
            tally.stopped_ms.append(since(track.offsets_ms, now_ms, length_ms) - SILENCE_MS)
            tally.decided_ms.append(now_ms - event["audio_end_ms"])


def since(truths_ms: list[int], now_ms: float, length_ms: float) -> float:
    """Milliseconds since the last of these points of the track."""
    place = now_ms % length_ms
    before = [place - truth for truth in truths_ms if truth <= place]
    return min(before) if before else place + length_ms - truths_ms[-1]


async def run(url: str, callers: int, seconds: float, chunk_ms: int) -> Tally:
    track, tally = record(chunk_ms), Tally()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        start = asyncio.get_running_loop().time() + 1.0
        async with asyncio.TaskGroup() as tasks:
            for number in range(callers):
                begin = start + 1.7 * number / callers + 0.0131 * (number % 7)
                tasks.create_task(call(http, url, track, tally, begin, start + seconds))
    return tally


def percentile(values: list[float], share: float) -> float | None:
    ordered = sorted(values)
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)], 1) if ordered else None


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("url")
    options.add_argument("--callers", type=int, default=32)
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--chunk-ms", type=int, default=20)
    given = options.parse_args()
    began = time.process_time()
    tally = uvloop.run(run(given.url, given.callers, given.seconds, given.chunk_ms))
    shown = {
        "callers": given.callers,
        "certain_stops": tally.certain,
        "possible_stops": tally.possible,
        "starts": len(tally.started_ms),
        "stops": len(tally.stopped_ms),
        "client_late_ms": round(tally.late_ms, 1),
        "client_cpu_s": round(time.process_time() - began, 2),
    }
    for name, values in (
        ("speech_started_after_onset", tally.started_ms),
        ("speech_stopped_after_silence", tally.stopped_ms),
        ("speech_stopped_after_audio_end", tally.decided_ms),
    ):
        shown[name] = {
            "p50": percentile(values, 0.5),
            "p99": percentile(values, 0.99),
            "worst": percentile(values, 1.0),
        }
    print(json.dumps(shown))


if __name__ == "__main__":
    main()
