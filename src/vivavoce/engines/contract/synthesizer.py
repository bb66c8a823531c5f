"""What a synthesiser keeps: whole samples, words where they are spoken, and any text."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from itertools import pairwise
from typing import Any, ClassVar, TypeVar

import msgspec
import numpy as np
import pytest

from vivavoce.audio.pcm import to_samples
from vivavoce.audio.units import BYTES_PER_SAMPLE
from vivavoce.engines.base import (
    EngineError,
    HasVoices,
    SpeechChunk,
    SpeechSynthesizer,
    Voice,
    WordTiming,
)
from vivavoce.engines.contract.uses import AwaitedEngineContract
from vivavoce.protocol.voices import OPENAI_VOICES


class Text(msgspec.Struct, frozen=True):
    """What is to be spoken, and how."""

    text: str
    voice: Voice = Voice()


class Speech(msgspec.Struct, frozen=True):
    """What came: PCM and words, and when the audio of each word's chunk began and ended."""

    audio: bytes
    words: tuple[WordTiming, ...]
    spans_ms: tuple[tuple[float, float], ...]

    def __repr__(self) -> str:
        return f"<{len(self.audio)} bytes of audio, {len(self.words)} words>"


Synthesizer = TypeVar("Synthesizer", bound=SpeechSynthesizer)


class SpeechSynthesizerContract(AwaitedEngineContract[Synthesizer, Text, Speech]):
    """The tests of a `SpeechSynthesizer`.

    `texts` are spoken by the usual voice; the first two have to differ in length by a third or
    more. `longest_ms` is how long a character takes at most, which tells speech from sound that
    does not end. `gives_words` is whether it times words: if it does, it times all of them.
    """

    texts: ClassVar[Sequence[str]] = (
        "One, two, three.",
        "Once upon a time there was a lighthouse by the sea.",
    )
    voice: ClassVar[Voice] = Voice()
    longest_ms: ClassVar[int] = 500
    gives_words: ClassVar[bool] = True

    def samples(self, engine: Synthesizer) -> Sequence[Text]:  # noqa: ARG002
        """The texts."""
        return [Text(text, self.voice) for text in self.texts]

    def long_sample(self, engine: Synthesizer) -> Text:  # noqa: ARG002
        """A text of some two thousand characters."""
        text = " ".join(self.texts)
        return Text(" ".join([text] * -(-2_000 // len(text))), self.voice)

    async def use(self, engine: Synthesizer, sample: Text, pieces: list[Any]) -> Speech:
        """Speak a text."""
        async with aclosing(engine.synthesize(sample.text, sample.voice)) as chunks:
            async for chunk in chunks:
                pieces.append(chunk)  # noqa: PERF401 (they are watched as they come)
        return speech_of(pieces, engine.sample_rate)

    def alike(self, one: Speech, other: Speech) -> bool:
        """The same words, and as long but for a twentieth: a voice may breathe."""
        shorter, longer = sorted((len(one.audio), len(other.audio)))
        ends = [word.text_end for word in one.words] == [word.text_end for word in other.words]
        return ends and longer - shorter <= longer / 20

    async def test_its_sample_rate_is_one_of_speech(self, engine: Synthesizer) -> None:
        """In hertz."""
        assert isinstance(engine.sample_rate, int)
        assert 8_000 <= engine.sample_rate <= 48_000, f"{engine.sample_rate} Hz"

    async def test_text_becomes_sound(self, engine: Synthesizer) -> None:
        """That is heard, and ends."""
        for sample in self.samples(engine):
            speech = await self.used(engine, sample)
            level = np.abs(to_samples(speech.audio).astype(int))
            assert level.max(initial=0) > 300, f"{sample.text!r} was spoken as silence"
            lasts = milliseconds(speech.audio, engine.sample_rate)
            assert lasts < self.longest_ms * len(sample.text), (
                f"{sample.text!r} takes {lasts:.0f} ms, more than {self.longest_ms} a character"
            )

    async def test_a_chunk_has_whole_samples(self, engine: Synthesizer) -> None:
        """Each of them: it is converted and sent by itself."""
        for sample in self.samples(engine):
            pieces: list[SpeechChunk] = []
            await self.used(engine, sample, pieces)
            odd = [len(chunk.audio) for chunk in pieces if len(chunk.audio) % BYTES_PER_SAMPLE]
            assert not odd, f"chunks of {odd} bytes end within a sample"

    async def test_words_have_times_in_their_order(self, engine: Synthesizer) -> None:
        """Within the text and the audio, and where a word ends."""
        for sample in self.samples(engine):
            speech = await self.used(engine, sample)
            lasts = milliseconds(speech.audio, engine.sample_rate)
            for word in speech.words:
                end = word.text_end
                assert 0 < end <= len(sample.text), f"{word} lies outside of {sample.text!r}"
                assert not sample.text[end - 1].isspace(), f"{word} ends in space"
                assert 0 <= word.start_ms <= lasts, f"{word} lies outside of {lasts:.0f} ms"
            for before, after in pairwise(speech.words):
                assert before.text_end < after.text_end, f"{after} comes behind {before}"
                assert before.start_ms <= after.start_ms, f"{after} comes behind {before}"

    async def test_a_word_comes_with_the_audio_that_it_begins_in(self, engine: Synthesizer) -> None:
        """Or a listener's place in the text would be wrong."""
        for sample in self.samples(engine):
            speech = await self.used(engine, sample)
            for word, (begin, end) in zip(speech.words, speech.spans_ms, strict=True):
                assert begin - 1 <= word.start_ms <= end + 1, (
                    f"{word} came with the audio from {begin:.0f} to {end:.0f} ms"
                )

    async def test_all_words_have_a_time_or_none(self, engine: Synthesizer) -> None:
        """The last is where the text ends, but for signs behind it."""
        for sample in self.samples(engine):
            words = (await self.used(engine, sample)).words
            assert bool(words) == self.gives_words, f"{len(words)} words; see gives_words"
            if words:
                spoken = len(sample.text.rstrip(" .,;:!?"))
                assert words[-1].text_end >= spoken, f"{sample.text!r} has words up to {words[-1]}"

    @pytest.mark.parametrize("text", ["", " ", "\n\t\r "])
    async def test_nothing_to_say_is_no_error(self, engine: Synthesizer, text: str) -> None:
        """It is nothing, or a short silence, without words."""
        result = await self.harmless(engine, Text(text, self.voice))
        assert isinstance(result, Speech), f"{text!r} failed: {result}"
        assert not result.words
        assert milliseconds(result.audio, engine.sample_rate) < 1_000

    @pytest.mark.parametrize(
        "text",
        ["...", "?!", "a", "\0", "😀 naïve", "<break time='9s'/> [[x]] &amp;", "你好。"],
    )
    async def test_odd_text_does_no_harm(self, engine: Synthesizer, text: str) -> None:
        """Models write such text."""
        result = await self.harmless(engine, Text(text, self.voice))
        if isinstance(result, Speech):
            assert all(0 < word.text_end <= len(text) for word in result.words), result.words

    async def test_long_text_is_spoken_or_refused_readably(self, engine: Synthesizer) -> None:
        """A sentence without an end is a clause as long as the answer."""
        await self.harmless(engine, self.long_sample(engine))

    @pytest.mark.parametrize("name", OPENAI_VOICES)
    async def test_each_of_openais_names_is_a_voice(self, engine: Synthesizer, name: str) -> None:
        """Clients name them without having asked."""
        speech = await self.used(engine, Text(self.texts[0], Voice(name=name)))
        assert speech.audio

    async def test_each_voice_that_it_names_speaks(self, engine: Synthesizer) -> None:
        """Those of `HasVoices`."""
        if isinstance(engine, HasVoices):
            for name in engine.voices.names:
                assert (await self.used(engine, Text(self.texts[0], Voice(name=name)))).audio

    async def test_an_unknown_voice_is_replaced_or_refused_readably(
        self, engine: Synthesizer
    ) -> None:
        """So is a language."""
        await self.harmless(engine, Text(self.texts[0], Voice(name="../no such voice")))
        await self.harmless(engine, Text(self.texts[0], Voice(language="tlh")))

    @pytest.mark.parametrize("speed", [0.25, 1.5])
    async def test_it_can_be_slower_and_faster(self, engine: Synthesizer, speed: float) -> None:
        """Within what the protocol lets clients ask for."""
        sample = Text(self.texts[0], msgspec.structs.replace(self.voice, speed=speed))
        result = await self.harmless(engine, sample)
        assert not isinstance(result, EngineError), f"speed {speed} failed: {result}"
        usual = await self.used(engine, Text(self.texts[0], self.voice))
        slower, faster = (result, usual) if speed < 1 else (usual, result)
        assert len(slower.audio) >= len(faster.audio), f"speed {speed} changes it the wrong way"

    async def test_speech_may_be_left_after_its_first_chunk(self, engine: Synthesizer) -> None:
        """Closing the generator stops the voice, which is heard again at once."""
        first = self.samples(engine)[0]
        expected = await self.used(engine, first)
        long = self.long_sample(engine)
        for _ in range(self.at_once):
            chunks = engine.synthesize(long.text, long.voice)
            async with asyncio.timeout(self.patience_s):
                await anext(chunks)
                await chunks.aclose()
            assert await anext(chunks, None) is None, "a closed generator gave more"
        assert self.alike(await self.used(engine, first), expected)

    async def test_speech_that_is_never_begun_costs_nothing(self, engine: Synthesizer) -> None:
        """A generator that is closed before its first chunk has asked nobody."""
        first = self.samples(engine)[0]
        await engine.synthesize(first.text, first.voice).aclose()
        await self.used(engine, first)


def speech_of(chunks: Sequence[SpeechChunk], rate: int) -> Speech:
    """Chunks joined."""
    words: list[WordTiming] = []
    spans: list[tuple[float, float]] = []
    end = 0.0
    for chunk in chunks:
        begin, end = end, end + milliseconds(chunk.audio, rate)
        words += chunk.words
        spans += [(begin, end)] * len(chunk.words)
    return Speech(b"".join(chunk.audio for chunk in chunks), tuple(words), tuple(spans))


def milliseconds(audio: bytes, rate: int) -> float:
    """How long PCM plays."""
    return len(audio) / BYTES_PER_SAMPLE / rate * 1000
