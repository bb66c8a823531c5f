"""A conversation by voice in a virtual room, at the pace of a real one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType

import pytest

from vivavoce import app, process
from vivavoce.commands.client import connect
from vivavoce.commands.evidence import read_evidence
from vivavoce.commands.playback import Cut, PlaybackQueue
from vivavoce.commands.talk import converse
from vivavoce.config import Settings
from vivavoce.speech import clip

BLOCK_S = 0.02
BLOCK = bytes(960)


class Room:
    """A microphone that hears what `say` is given, and a loudspeaker that is listened to."""

    def __init__(self) -> None:
        self.queue = PlaybackQueue()
        self.cuts: list[Cut] = []
        self.sounded_s = 0.0
        self.listening: list[tuple[float, Callable[[], None]]] = []
        self._saying = b""

    def say(self, name: str) -> None:
        self._saying = clip(name).pcm

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something when the loudspeaker has sounded for so long."""
        self.listening.append((self.sounded_s + seconds, action))

    # The microphone.

    async def __aiter__(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            block, self._saying = self._saying[: len(BLOCK)], self._saying[len(BLOCK) :]
            self._hear(self.queue.read(len(BLOCK)))
            yield block.ljust(len(BLOCK), b"\0")
            due += BLOCK_S
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _hear(self, played: bytes) -> None:
        if any(played):
            self.sounded_s += BLOCK_S
        for seconds, action in [one for one in self.listening if one[0] <= self.sounded_s]:
            self.listening.remove((seconds, action))
            action()

    # The loudspeaker.

    def play(self, item_id: str, pcm: bytes) -> None:
        self.queue.put(item_id, pcm)

    def end(self, item_id: str) -> None:
        self.queue.end(item_id)

    def stop(self) -> list[Cut]:
        cuts = self.queue.cut(latency_ms=0)
        self.cuts += cuts
        return cuts


def test_speaking_over_an_answer_stops_it_and_is_answered(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    require_module: Callable[..., ModuleType],
) -> None:
    require_module("pocketsphinx", reason="the built-in recogniser")
    (cut,) = process.run(talk_about_a_story(tmp_path))

    assert cut.played_ms >= 1000
    output = capsys.readouterr().out
    assert "You: tell me a story\n" in output
    assert "Once upon a time" in output
    assert f"[interrupted after {cut.played_ms / 1000:.1f} s]" in output
    assert "You: what time is it\n" in output
    assert "It is " in output

    (trace,) = tmp_path.glob("*.jsonl")
    remembered = read_evidence(trace).remembered
    told = output[output.index("Once upon") : output.index(" [interrupted")].strip()
    assert remembered.startswith("Once upon")
    assert told.startswith(remembered)
    assert len(remembered) < len(told)


async def talk_about_a_story(traces: Path) -> list[Cut]:
    """Ask for a story, speak over it after a second, hear the answer to that; gives the cuts."""
    answered = asyncio.Event()
    async with (
        app.running(Settings(port=0, trace=str(traces))) as server,
        connect(server.url, model="vivavoce") as connection,
        asyncio.TaskGroup() as tasks,
    ):
        room = Room()

        def interrupt() -> None:
            room.say("time")
            room.after(2.0, answered.set)

        room.say("story")
        room.after(1.0, interrupt)
        talking = tasks.create_task(converse(connection, room, room))
        await answered.wait()
        talking.cancel()
    return room.cuts
