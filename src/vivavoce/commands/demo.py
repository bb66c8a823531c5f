"""`vivavoce demo`: a spoken conversation with a server of its own, told as it happens.

A recorded caller asks a question, hears the answer, asks for a story and speaks over it. All that
is claimed is checked, and what the model remembers of the story is read from the session's trace:
it is the prompt that the language model was really sent.
"""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
from openai import AsyncOpenAI, OpenAIError
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import (
    ConversationItemInputAudioTranscriptionCompletedEvent,
    InputAudioBufferSpeechStartedEvent,
    RealtimeSessionCreateRequestParam,
    ResponseAudioDeltaEvent,
    ResponseDoneEvent,
)
from websockets.exceptions import ConnectionClosed

from vivavoce import app
from vivavoce.audio.level import peak_dbfs
from vivavoce.audio.wav import write_wav
from vivavoce.commands.bars import waterfall
from vivavoce.commands.caller import CallError, Microphone, Turn
from vivavoce.commands.evidence import read_evidence
from vivavoce.commands.failures import first_failure
from vivavoce.commands.telling import Telling, words
from vivavoce.config import Settings
from vivavoce.runtime.trace import ReplayError
from vivavoce.speech import SAMPLE_RATE, Clip, clip

STEP_S = 25.0
"""No step takes half as long; one that does is stuck."""

LISTENS_S = 5.0
"""So long the caller listens to the story before the interruption begins."""

AUDIBLE_DBFS = -30.0
"""The least peak of speech that one can hear well."""

SESSION: RealtimeSessionCreateRequestParam = {
    "type": "realtime",
    "audio": {"input": {"transcription": {"model": "whisper-1"}}},
}
"""Without a transcription model a session hears, but does not say what."""


async def run(out: Path) -> None:
    """Hold the conversation and write the first answer's speech to `out`.

    Raises `click.ClickException` that names the first thing that did not happen.
    """
    check_writable(out)
    telling = Telling()
    with tempfile.TemporaryDirectory(prefix="vivavoce-demo-") as traces:
        async with app.running(Settings(port=0, trace=traces)) as server:
            telling.say(f"Vivavoce listens at {server.url} ({server.summary}).")
            if server.notices:
                raise telling.failed("every engine is there", " ".join(server.notices))
            async with connected(server.url, telling) as connection:
                with first_failure():
                    story = await call(connection, out, telling)
        remembered(only_trace(Path(traces)), story, telling)
    telling.say()
    telling.good("All of this really happened.")


def check_writable(out: Path) -> None:
    """Raise `click.ClickException` if no file can be written there; leaves nothing behind."""
    try:
        if out.exists():
            out.open("ab").close()
        else:
            tempfile.TemporaryFile(dir=out.parent).close()
    except OSError as error:
        raise click.ClickException(
            f"--out {out}: cannot be written: {error.strerror}. Name a file in a folder of yours."
        ) from error


async def call(connection: AsyncRealtimeConnection, out: Path, telling: Telling) -> Turn:
    """The whole conversation; gives the story's turn."""
    demo = Demo(connection, telling)
    async with asyncio.TaskGroup() as tasks:
        microphone = tasks.create_task(demo.microphone.run(), name="microphone")
        async with step("The question", telling):
            await demo.question(clip("sum"), answer="42", out=out)
        async with step("The interruption", telling):
            story = await demo.story(clip("story"), interruption=clip("time"))
        microphone.cancel()
    return story


@asynccontextmanager
async def connected(url: str, telling: Telling) -> AsyncIterator[AsyncRealtimeConnection]:
    """OpenAI's client, connected to our server."""
    async with AsyncOpenAI(base_url=url, api_key="none") as client:
        try:
            async with client.realtime.connect(model="vivavoce") as connection:
                yield connection
        except OpenAIError as error:
            raise telling.failed("OpenAI's client connects", str(error)) from error


@asynccontextmanager
async def step(title: str, telling: Telling) -> AsyncIterator[None]:
    """A part of the conversation: it comes to its end, and in time."""
    telling.heading(title)
    try:
        async with asyncio.timeout(STEP_S):
            yield
    except TimeoutError as error:
        raise telling.failed("it goes on", f"nothing more came within {STEP_S:.0f} s") from error
    except (CallError, ConnectionClosed) as error:
        raise telling.failed("the server can do it", str(error)) from error


class Demo:
    """The caller's side of the conversation."""

    def __init__(self, connection: AsyncRealtimeConnection, telling: Telling) -> None:
        self._connection = connection
        self._telling = telling
        self.microphone = Microphone(connection)

    async def question(self, asked: Clip, *, answer: str, out: Path) -> None:
        """Ask, hear the answer to its end, save it."""
        telling = self._telling
        await self._connection.session.update(session=SESSION)
        turn = await self._say(asked)
        self._check_answer(turn)
        telling.expect(answer in turn.text, f"the answer is {answer}", f"it was {turn.text!r}")
        telling.say()
        telling.say("The turn, after the last voiced sample, as the caller saw it:")
        telling.picture(waterfall(turn.stages(self.microphone.last_voiced_at)))
        write_wav(out, bytes(turn.audio), SAMPLE_RATE)
        telling.good(f"{turn.audio_ms / 1000:.1f} s of speech saved to {out}")
        await turn.played_to_the_end()

    async def story(self, asked: Clip, *, interruption: Clip) -> Turn:
        """Ask for a story, listen for some seconds, speak over it, hear the new answer."""
        story = await self._say(asked, interruption=interruption)
        self._check_interrupted(story)
        after = await self._until_done(interruption)
        self._telling.expect(
            "truncated" in after.at,
            "the server took note of where the loudspeaker stopped",
            "no conversation.item.truncated came",
        )
        self._check_answer(after)
        return story

    async def _say(self, said: Clip, *, interruption: Clip | None = None) -> Turn:
        """Say a clip, and receive until its response is done."""
        self._telling.say(f"The caller says     {said.text!r} ({said.voice}, in real time)")
        self.microphone.say(said)
        return await self._until_done(said, interruption=interruption)

    async def _until_done(self, said: Clip, *, interruption: Clip | None = None) -> Turn:
        """Receive until the response is done, telling what happens as it does.

        With `interruption` the caller speaks over the answer, and reports what was played when
        the server notices: what every client must do (protocol 5.10).
        """
        turn = Turn()
        while turn.response is None:
            event = await self._connection.recv()
            now = time.monotonic()
            opening = "first audio" not in turn.at
            turn.note(event, now)
            match event:
                case ConversationItemInputAudioTranscriptionCompletedEvent():
                    self._check_heard(turn, said)
                case ResponseAudioDeltaEvent() if opening and interruption:
                    self._telling.say(f"The server answers  {turn.text!r} and so on")
                    loop = asyncio.get_running_loop()
                    loop.call_later(LISTENS_S, self._interrupt, interruption)
                case InputAudioBufferSpeechStartedEvent() if turn.item_id:
                    turn.at["interrupted"] = now
                    await self._connection.conversation.item.truncate(
                        item_id=turn.item_id, content_index=0, audio_end_ms=turn.played_ms(now)
                    )
                case ResponseDoneEvent() if not interruption:
                    self._telling.say(f"The server answers  {turn.text!r}")
                case _:
                    pass
        return turn

    def _interrupt(self, interruption: Clip) -> None:
        self._telling.say(f"The caller cuts in  {interruption.text!r}")
        self.microphone.say(interruption)

    def _check_heard(self, turn: Turn, said: Clip) -> None:
        self._telling.say(f"The server heard    {turn.heard!r}")
        self._telling.expect(
            words(turn.heard or "") == words(said.text),
            "every word was recognised",
            f"{said.text!r} was said, {turn.heard!r} was heard",
        )

    def _check_answer(self, turn: Turn) -> None:
        telling, response = self._telling, turn.response
        status = response and response.status
        telling.expect(
            status == "completed", "the response is completed", f"its status is {status}"
        )
        peak = peak_dbfs(bytes(turn.audio))
        telling.expect(
            peak > AUDIBLE_DBFS,
            f"the answer was spoken ({turn.audio_ms / 1000:.1f} s, peak {peak:.0f} dBFS)",
            f"{turn.audio_ms} ms of audio with a peak of {peak:.0f} dBFS came",
        )

    def _check_interrupted(self, story: Turn) -> None:
        telling, response = self._telling, story.response
        details = response and response.status_details
        outcome = (response and response.status, details and details.reason)
        telling.expect(
            outcome == ("cancelled", "turn_detected"),
            "the answer was cancelled because the caller spoke",
            f"its status and reason are {outcome}",
        )
        played_ms = story.played_ms(story.at.get("interrupted", 0.0))
        telling.expect(
            1000 * LISTENS_S <= played_ms < story.audio_ms,
            f"{played_ms / 1000:.1f} s of it were played, of {story.audio_ms / 1000:.1f} s sent",
            f"{played_ms} ms were played of {story.audio_ms} ms sent",
        )


def only_trace(folder: Path) -> Path:
    """The trace of the one session that there was."""
    (path,) = folder.glob("*.jsonl")
    return path


def remembered(trace: Path, story: Turn, telling: Telling) -> None:
    """Show what the server's own record says: its times, and what the model was told was heard."""
    telling.heading("The server's own record")
    try:
        evidence = read_evidence(trace)
    except ReplayError as error:
        raise telling.failed("the session replays from its trace", str(error)) from error
    telling.say("The first turn, after the last voiced sample, as the server saw it:")
    telling.picture(waterfall(evidence.first_turn))
    told, kept = story.text.split(), evidence.remembered.split()
    telling.say(f"Of the story were sent  {len(told)} words, to '... {' '.join(told[-8:])}'")
    telling.say(f"The model remembers     {len(kept)} words, to '... {' '.join(kept[-8:])}'")
    telling.expect(
        0 < len(kept) < len(told) and told[: len(kept)] == kept,
        "the next prompt to the model has the beginning that was heard, and no more",
        f"it has {' '.join(kept)!r}",
    )
    telling.good(f"the session replays from its trace: {evidence.steps} steps, the same outputs")
