"""Many sessions, and what is left of one that ended (protocol 9 rows 23 and 25)."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
import websockets
from yarl import URL

from support.server import PATIENCE_S, Client, LiveServer, serving
from support.sound import silence, utterance
from support.telltale_engines import (
    CountingDetector,
    FingerprintRecognizer,
    FloodingModel,
    LyingDetector,
    Stuck,
    StuckModel,
    StuckRecognizer,
    StuckVoice,
)
from support.upgrade import UPGRADE
from vivavoce.engines.vad.silero import SileroDetector
from vivavoce.speech import clip, clip_names

Heard = list[tuple[int, int, str, str]]
"""Of each turn: its begin and end in milliseconds, what was heard, what was answered."""


async def converse(server: LiveServer, names: list[str], chunk: int) -> Heard:
    """Say some recorded sentences, each after the answer to the one before."""
    heard: Heard = []
    async with server.connect() as client:
        await client.update(
            audio={"input": {"transcription": {"model": "x"}}}, output_modalities=["text"]
        )
        for name in names:
            await client.append(clip(name).pcm + silence(640), chunk)
            await client.until("response.done")
            started = client.of("input_audio_buffer.speech_started")[-1]
            stopped = client.of("input_audio_buffer.speech_stopped")[-1]
            completed = client.of("conversation.item.input_audio_transcription.completed")[-1]
            said = client.of("response.output_text.done")[-1]["text"]
            heard.append(
                (
                    started["audio_start_ms"],
                    stopped["audio_end_ms"],
                    completed["transcript"],
                    said,
                )
            )
    return heard


async def test_ten_sessions_at_once_have_the_turns_that_each_has_alone() -> None:
    names = [name for name in clip_names() if name != "two_sentences"]
    scripts = [[names[(number + step) % len(names)] for step in (0, 2)] for number in range(10)]
    async with serving(vad=SileroDetector(), stt=FingerprintRecognizer()) as server:
        alone = [await converse(server, script, 4096) for script in scripts[: len(names)]]
        async with asyncio.TaskGroup() as tasks:
            together = [tasks.create_task(converse(server, script, 960)) for script in scripts]
        for number, task in enumerate(together):
            assert task.result() == alone[number % len(names)]
        await server.until_idle()


def tasks_of_sessions() -> list[str]:
    """The names of all tasks that sessions have started."""
    names = [task.get_name() for task in asyncio.all_tasks()]
    return [name for name in names if name == "reader" or name.startswith("job ")]


@pytest.mark.parametrize(
    ("slot", "kind"), [("stt", StuckRecognizer), ("llm", StuckModel), ("tts", StuckVoice)]
)
async def test_a_session_that_ends_stops_its_engines_and_leaves_nothing(
    slot: str, kind: Callable[[], Stuck]
) -> None:
    stuck, detector = kind(), CountingDetector()
    engines: dict[str, Any] = {"vad": detector, slot: stuck}
    async with serving(**engines) as server:
        async with server.connect() as client:
            await client.append(utterance())
            await stuck.begun.wait()
            assert detector.streams == 1
            assert tasks_of_sessions()
        await stuck.stopped.wait()
        await server.until_idle()
        assert tasks_of_sessions() == []
        assert await asyncio.to_thread(detector.none_open.wait, PATIENCE_S)


def text_frame(kind: str, **fields: Any) -> bytes:
    """A client's frame, byte by byte as RFC 6455 has it; its mask is zero."""
    text = json.dumps({"type": kind, **fields}).encode()
    return b"\x81\xff" + len(text).to_bytes(8, "big") + bytes(4) + text


async def test_a_connection_that_breaks_ends_its_session() -> None:
    stuck = StuckModel()
    async with serving(llm=stuck) as server:
        url = URL(server.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(UPGRADE + text_frame("response.create"))
        await stuck.begun.wait()
        assert await server.sessions() == 1
        writer.transport.abort()
        await stuck.stopped.wait()
        await server.until_idle()
        assert (await reader.read()).startswith(b"HTTP/1.1 101 ")


async def test_a_client_that_does_not_read_is_disconnected() -> None:
    flood = FloodingModel(megabytes=80)
    async with serving(llm=flood) as server, server.connect() as other:
        url = URL(server.url)
        # Nobody reads from this connection, so its buffers fill up, and then the server's queue.
        _, writer = await asyncio.open_connection(url.host, url.port)
        answer = {"output_modalities": ["text"]}
        writer.write(UPGRADE + text_frame("response.create", response=answer))
        await flood.stopped.wait()
        await server.until_sessions(1)
        assert flood.left
        writer.transport.abort()
        await other.nothing_new()


async def test_more_may_be_asked_for_than_the_queue_holds() -> None:
    async with serving(retain_audio="all") as server, server.connect() as client:
        await client.update(audio={"input": {"turn_detection": None}})
        await client.append(silence(60_000))
        await client.send("input_audio_buffer.commit")
        item_id = (await client.until("conversation.item.done"))["item"]["id"]
        # 3.8 MB each, 46 MB in all.
        for _ in range(12):
            await client.send("conversation.item.retrieve", item_id=item_id)
        for _ in range(12):
            await client.until("conversation.item.retrieved")


async def test_a_session_ends_with_1001_at_the_end_of_its_life() -> None:
    stuck = StuckModel()
    async with serving(llm=stuck, session_minutes=0.01) as server, server.connect() as client:
        await client.send("response.create")
        closed = await client.until_closed()
        assert closed.code == 1001
        assert closed.reason == "Your session hit the maximum duration of 0.01 minutes."
        await stuck.stopped.wait()
        await server.until_idle()


async def test_a_client_that_streams_on_still_learns_why_it_was_closed() -> None:
    async def stream(client: Client) -> None:
        with contextlib.suppress(ConnectionError):
            while not client.socket.closed:
                await client.append(silence(20))

    async with serving(session_minutes=0.01) as server, server.connect() as client:
        streaming = asyncio.create_task(stream(client))
        assert (await client.until_closed()).code == 1001
        await streaming


async def test_a_server_that_stops_tells_everybody_before_its_engines_close() -> None:
    log: list[str] = []
    stack = contextlib.AsyncExitStack()
    server = await stack.enter_async_context(serving(llm=StuckModel(log)))
    async with server.connect() as busy, server.connect() as idle:
        await busy.send("response.create")
        await busy.until("response.output_audio_transcript.delta")

        async with asyncio.TaskGroup() as tasks:
            ends = [tasks.create_task(client.until_closed()) for client in (busy, idle)]
            await stack.aclose()
        assert [end.result().code for end in ends] == [1001, 1001]
    assert log == ["stopped", "closed"]


async def test_a_client_that_answers_the_close_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("websocket", "websocket_connection"):
        monkeypatch.setattr(f"vivavoce.transports.{module}.CLOSE_TIMEOUT_S", 1000.0)
    stack = contextlib.AsyncExitStack()
    server = await stack.enter_async_context(serving())
    url = f"{server.url.replace('http', 'ws', 1)}/realtime?model=any"
    async with websockets.connect(url, close_timeout=1000.0) as client:
        await client.recv()
        async with asyncio.timeout(PATIENCE_S):
            await stack.aclose()
            await client.wait_closed()
        assert client.close_code == 1001


async def test_a_fault_of_the_server_ends_its_own_session_only() -> None:
    stuck = StuckModel()
    async with serving(vad=LyingDetector(), llm=stuck) as server, server.connect() as other:
        async with server.connect() as client:
            await client.send("response.create")
            await stuck.begun.wait()
            await client.append(silence(64))
            assert (await client.until("error"))["error"]["type"] == "server_error"
            assert (await client.until_closed()).code == 1011
        await stuck.stopped.wait()
        await other.nothing_new()
