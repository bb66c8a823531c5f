"""Audio in any chunking gives the same turns, and a huge append holds nobody up."""

import asyncio
import itertools
from collections.abc import Iterable, Iterator

import pytest

from support.server import Client, Event, serving
from support.sound import BYTES_PER_MS, silence, utterance
from support.telltale_engines import FingerprintRecognizer
from vivavoce.audio.framing import OutputEncoder
from vivavoce.engines.vad.silero import SileroDetector
from vivavoce.speech import clip

MIB = 1024 * 1024
Turn = tuple[int, int, str]
"""Where a turn begins and ends in milliseconds, and what was heard."""


def spoken(name: str, *, before: int = 100, after: int = 400) -> bytes:
    """A recorded sentence with so many milliseconds around it."""
    recorded = clip(name)
    begin = (recorded.onset_ms - before) * BYTES_PER_MS
    return recorded.pcm[begin : recorded.offset_ms * BYTES_PER_MS] + silence(after)


def message(item_id: str) -> Event:
    """A user's item with this id."""
    content = [{"type": "input_text", "text": "Hello."}]
    return {"id": item_id, "type": "message", "role": "user", "content": content}


def cut(audio: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    """The audio in pieces of these sizes."""
    start = 0
    for size in sizes:
        if start >= len(audio):
            return
        yield audio[start : start + size]
        start += size


async def turns_of(client: Client, count: int) -> list[Turn]:
    """The first turns of a transcription session."""
    completed = "conversation.item.input_audio_transcription.completed"
    while len(client.of(completed)) < count:
        await client.next()
    stopped = client.of("input_audio_buffer.speech_stopped")
    ends = {event["item_id"]: event["audio_end_ms"] for event in stopped}
    texts = {event["item_id"]: event["transcript"] for event in client.of(completed)}
    started = client.of("input_audio_buffer.speech_started")
    begins = {event["item_id"]: event["audio_start_ms"] for event in started}
    return sorted((begins[item_id], ends[item_id], text) for item_id, text in texts.items())


CHUNKS = {
    "whole": [MIB],
    "20 ms": itertools.repeat(960),
    "7 bytes": itertools.repeat(7),
    "1 byte": itertools.repeat(1),
    "odd and even": itertools.cycle([961, 1, 1439, 2, 3, 4800, 767]),
}


@pytest.mark.parametrize("encoding", ["audio/pcm", "audio/pcmu"])
async def test_the_chunking_of_audio_changes_nothing(encoding: str) -> None:
    audio = spoken("time") + spoken("hello")
    format_ = {"type": encoding} | ({"rate": 24_000} if encoding == "audio/pcm" else {})
    if encoding == "audio/pcmu":
        encoder = OutputEncoder(encoding, 8000)
        audio = encoder.push(audio) + encoder.flush()
    heard: dict[str, list[Turn]] = {}
    async with serving(vad=SileroDetector(), stt=FingerprintRecognizer()) as server:
        for name, sizes in CHUNKS.items():
            async with server.connect("intent=transcription") as client:
                detection = {"silence_duration_ms": 300}
                await client.update(
                    "transcription",
                    audio={
                        "input": {
                            "format": format_,
                            "transcription": {},
                            "turn_detection": detection,
                        }
                    },
                )
                async with asyncio.TaskGroup() as tasks:
                    turns = tasks.create_task(turns_of(client, 2))
                    for chunk in cut(audio, sizes):
                        await client.append(chunk)
                heard[name] = turns.result()
    assert len({text for _, _, text in heard["whole"]}) == 2
    for name, turns_heard in heard.items():
        assert turns_heard == heard["whole"], name


async def test_an_append_of_15_mib_is_taken() -> None:
    async with serving() as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": None}})
        await client.append(bytes(15 * MIB))
        await client.send("input_audio_buffer.commit")
        await client.until("conversation.item.done")
        assert "error" not in client.kinds()


async def test_a_huge_append_does_not_hold_up_another_session() -> None:
    """Five minutes of speech at once, while somebody else has a turn and is answered."""
    sentences = itertools.cycle([spoken("two_sentences", after=700), spoken("sum", after=700)])
    minutes = b"".join(itertools.islice(sentences, 200))[: 15 * MIB]
    last_ms = len(minutes) // BYTES_PER_MS - 4000
    began = asyncio.Event()
    finished: list[str] = []

    async def hear_it_all(client: Client) -> None:
        stopped = await client.until("input_audio_buffer.speech_stopped")
        began.set()
        while stopped["audio_end_ms"] < last_ms:
            stopped = await client.until("input_audio_buffer.speech_stopped")
        finished.append("five minutes")

    async def talk(client: Client) -> None:
        await began.wait()
        await client.append(spoken("hello", after=700))
        assert (await client.until("response.done"))["response"]["status"] == "completed"
        finished.append("the other's turn")

    async with (
        serving(vad=SileroDetector()) as server,
        server.connect("intent=transcription") as patient,
        server.connect() as other,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(hear_it_all(patient))
        tasks.create_task(talk(other))
        await patient.append(minutes)
        await patient.append(silence(700))
    assert finished == ["the other's turn", "five minutes"]


@pytest.mark.parametrize(
    ("command", "fields", "answer"),
    [
        ("conversation.item.create", {"item": message("typed")}, "conversation.item.added"),
        ("conversation.item.delete", {"item_id": "old"}, "conversation.item.deleted"),
        ("response.create", {}, "response.created"),
    ],
)
async def test_a_command_finds_the_turn_that_was_sent_before_it(
    command: str, fields: Event, answer: str
) -> None:
    detection = {"type": "server_vad", "create_response": False}
    async with serving() as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": detection}})
        await client.send("conversation.item.create", item=message("old"))
        await client.until("conversation.item.done")
        # Scoring takes a while, but no time of the client's.
        await client.append(silence(20_000) + utterance())
        await client.send(command, **fields)
        await client.until(answer)
        assert "input_audio_buffer.committed" in client.kinds()
