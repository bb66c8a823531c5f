"""What a recogniser keeps that hears an utterance while it is spoken."""

import asyncio
from collections.abc import Iterator
from typing import TypeVar

import pytest

from vivavoce.audio.units import BYTES_PER_SAMPLE
from vivavoce.engines.base import StreamingRecognizer, Transcript
from vivavoce.engines.contract.recognizer import SpeechRecognizerContract, Utterance

Streaming = TypeVar("Streaming", bound=StreamingRecognizer)


class StreamingRecognizerContract(SpeechRecognizerContract[Streaming]):
    """The tests of a `StreamingRecognizer`, which are those of a recogniser and more."""

    streams = True

    async def followed(self, engine: Streaming, sample: Utterance, samples: int) -> Transcript:
        """An utterance that comes in pieces of so many samples.

        Fails if the text takes back what came before it.
        """
        stream = engine.open_stream(sample.hint)
        try:
            async with asyncio.timeout(self.patience_s):
                given = "".join(
                    [await stream.accept(piece) for piece in pieces(sample.audio, samples)]
                )
                transcript = await stream.flush()
        finally:
            stream.close()
        assert transcript.text.startswith(given), (
            f"{given!r} was given, and then taken back: the text is {transcript.text!r}"
        )
        return transcript

    @pytest.mark.parametrize("ms", [20, 100, 1_000])
    async def test_a_text_is_never_taken_back(self, engine: Streaming, ms: int) -> None:
        """However the audio comes."""
        for sample in self.samples(engine):
            transcript = await self.followed(engine, sample, engine.sample_rate * ms // 1000)
            assert transcript.text, f"nothing was heard in {sample!r}"

    @pytest.mark.parametrize("samples", [1_601, 333])
    async def test_the_pieces_may_have_any_length(self, engine: Streaming, samples: int) -> None:
        """Also one that is a multiple of nothing."""
        for sample in self.samples(engine):
            assert (await self.followed(engine, sample, samples)).text

    async def test_no_audio_is_an_empty_text(self, engine: Streaming) -> None:
        """Neither an error nor a wait."""
        hint = self.samples(engine)[0].hint
        stream = engine.open_stream(hint)
        async with asyncio.timeout(self.patience_s):
            assert await stream.accept(b"") == ""
            assert (await stream.flush()).text == ""
        stream.close()

    async def test_a_flush_does_not_end_the_utterance(self, engine: Streaming) -> None:
        """Its text is that of now; more audio may follow, and takes nothing back that was given."""
        first, second, *_ = self.samples(engine)
        stream = engine.open_stream(first.hint)
        async with asyncio.timeout(self.patience_s):
            given = await stream.accept(first.audio)
            paused = await stream.flush()
            assert await stream.flush() == paused, "flushed twice, it says two things"
            assert paused.text.startswith(given), f"{given!r} was taken back by {paused.text!r}"
            given += await stream.accept(second.audio)
            whole = await stream.flush()
        stream.close()
        assert whole.text.startswith(given), f"{given!r} was taken back by {whole.text!r}"
        assert len(whole.text) > len(paused.text), f"nothing was heard after {paused.text!r}"

    async def test_streams_side_by_side_do_not_mix(self, engine: Streaming) -> None:
        """Each gives what it gives alone."""
        samples = self.samples(engine)
        step = engine.sample_rate // 10
        alone = [await self.followed(engine, sample, step) for sample in samples]
        many = -(-self.at_once // len(samples))
        together = await asyncio.gather(
            *(self.followed(engine, sample, step) for sample in [*samples] * many)
        )
        assert list(together) == alone * many

    async def test_a_stream_that_is_left_leaves_the_engine_usable(self, engine: Streaming) -> None:
        """Closed at any point, and twice; also while audio is under way."""
        sample = self.samples(engine)[0]
        step = engine.sample_rate // 10
        expected = await self.followed(engine, sample, step)
        for _ in range(20):
            stream = engine.open_stream(sample.hint)
            async with asyncio.timeout(self.patience_s), asyncio.TaskGroup() as tasks:
                hearing = tasks.create_task(stream.accept(sample.audio))
                await asyncio.sleep(0)
                hearing.cancel()
            stream.close()
            stream.close()
        engine.open_stream(sample.hint).close()
        assert await self.followed(engine, sample, step) == expected


def pieces(audio: bytes, samples: int) -> Iterator[bytes]:
    """Audio in pieces of so many samples; the last may be shorter."""
    step = BYTES_PER_SAMPLE * samples
    for start in range(0, len(audio), step):
        yield audio[start : start + step]
