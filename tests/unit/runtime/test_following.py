"""A turn's stream gets every sample of the turn once and in order, whoever asks when."""

import asyncio

import pytest

from support.streaming_recognizer import TellingRecognizer, TellingStream
from vivavoce.engines.base import EngineError, Hint, SpeechRecognizer, StreamingRecognizer
from vivavoce.protocol.session_config import DEFAULT_FORMAT
from vivavoce.runtime.following import STEP, Following
from vivavoce.runtime.input_audio import Tape

MS = 48
"""Bytes."""


class Turn:
    """A turn that begins 100 ms into the tape."""

    def __init__(self, language: str = "de") -> None:
        self.tape = Tape(DEFAULT_FORMAT, retain_s=None)
        self.audio = b""
        self.come(100)
        stream = self.stream = TellingStream(Hint())

        class OneStream(TellingRecognizer):
            def open_stream(self, hint: Hint) -> TellingStream:
                super().open_stream(hint)
                stream.hint = hint
                return stream

        hint = Hint(language=language)
        self.following = Following(OneStream(), hint, self.tape, 2400)
        self.texts: list[str] = []

    def come(self, ms: int) -> None:
        """More audio, no two samples of which are alike."""
        first = len(self.audio) // 2
        pcm = b"".join((n % 32_000).to_bytes(2, "little") for n in range(first, first + ms * 24))
        self.audio += pcm
        self.tape.add(pcm)
        if hasattr(self, "following"):
            self.following.audio_came()

    def run(self) -> "asyncio.Task[None]":
        return asyncio.ensure_future(self.following.run(self.texts.append))


async def until(ready: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await ready.wait()


async def test_a_telling_recogniser_streams() -> None:
    recognizer: SpeechRecognizer = TellingRecognizer()
    assert isinstance(recognizer, StreamingRecognizer)


async def test_it_hands_on_words_while_audio_comes() -> None:
    turn = Turn()
    turn.come(450)
    task = turn.run()
    await until(turn.stream.begun)
    turn.following.end()
    await task
    assert turn.texts == ["w1 w2"]
    assert turn.stream.heard == turn.audio[100 * MS :]
    assert turn.stream.hint == Hint(language="de")


async def test_who_asks_gets_all_up_to_there_whatever_the_tape_lets_go() -> None:
    turn = Turn()
    turn.come(250)
    task = turn.run()
    await until(turn.stream.begun)
    turn.come(70)  # less than a step: nobody wakes up for it
    turn.following.take(turn.tape.end)
    turn.following.end()
    turn.tape.trim(turn.tape.end)
    transcript = await turn.following.transcript(turn.texts.append)
    await task
    assert transcript.text == "w1 end"
    assert turn.stream.heard == turn.audio[100 * MS :]


async def test_audio_stays_in_order_while_the_stream_is_slow() -> None:
    turn = Turn()
    slowed = turn.stream.slowed = asyncio.Event()
    turn.come(200)
    task = turn.run()
    await until(turn.stream.begun)
    turn.come(200)
    turn.following.take(turn.tape.end)
    asked = asyncio.ensure_future(turn.following.transcript(turn.texts.append))
    turn.come(200)
    slowed.set()
    await asked
    turn.following.take(turn.tape.end)
    last = await turn.following.transcript(turn.texts.append)
    turn.following.end()
    await task
    assert turn.stream.heard == turn.audio[100 * MS :]
    assert last.text == "w1 w2 w3 end"


async def test_what_broke_stays_broken() -> None:
    turn = Turn()
    turn.stream.fails = True
    turn.come(200)
    with pytest.raises(EngineError, match="the stream broke"):
        await turn.run()
    turn.stream.fails = False
    with pytest.raises(EngineError, match="the stream broke"):
        await turn.following.transcript(turn.texts.append)


async def test_a_flush_that_broke_leaves_it_broken() -> None:
    turn = Turn()
    turn.stream.flush_fails = True
    turn.come(200)
    turn.following.take(turn.tape.end)
    with pytest.raises(EngineError, match="the flush broke"):
        await turn.following.transcript(turn.texts.append)
    turn.stream.flush_fails = False
    with pytest.raises(EngineError, match="the flush broke"):
        await turn.following.transcript(turn.texts.append)


async def test_a_stream_that_cannot_be_opened_fails_whoever_asks() -> None:
    turn = Turn(language="tlh")
    with pytest.raises(EngineError, match="nobody speaks that here"):
        await turn.run()
    with pytest.raises(EngineError, match="nobody speaks that here"):
        await turn.following.transcript(turn.texts.append)


async def test_words_cannot_be_taken_back() -> None:
    turn = Turn()
    turn.stream.lies = True
    turn.come(200)
    turn.following.take(turn.tape.end)
    with pytest.raises(EngineError, match="took back 'w1', which it had given"):
        await turn.following.transcript(turn.texts.append)
    assert turn.texts == ["w1"]


async def test_the_stream_is_closed_when_nobody_uses_it_any_more() -> None:
    turn = Turn()
    await turn.following.transcript(turn.texts.append)
    turn.following.use()
    turn.following.use()
    turn.following.release()
    assert turn.stream.closed == 0
    turn.following.release()
    assert turn.stream.closed == 1


def test_a_step_is_a_tenth_of_a_second() -> None:
    assert STEP == 2400
