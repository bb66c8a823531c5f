"""What a recogniser keeps: the text, its pieces, and audio of every length."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar

import msgspec
import numpy as np
import pytest

from vivavoce.audio.resample import convert
from vivavoce.audio.units import BYTES_PER_SAMPLE
from vivavoce.engines.base import (
    EngineError,
    Hint,
    SpeechRecognizer,
    StreamingRecognizer,
    Transcript,
    abilities_of,
)
from vivavoce.engines.contract.readable import or_error
from vivavoce.engines.contract.uses import AwaitedEngineContract
from vivavoce.speech import SAMPLE_RATE, clip


class Utterance(msgspec.Struct, frozen=True):
    """What is to be recognised: mono int16 PCM at the engine's `sample_rate`, and a hint."""

    audio: bytes
    hint: Hint = Hint()

    def __repr__(self) -> str:
        return f"<{len(self.audio)} bytes of audio, {self.hint}>"


Recognizer = TypeVar("Recognizer", bound=SpeechRecognizer)


class SpeechRecognizerContract(AwaitedEngineContract[Recognizer, Utterance, Transcript]):
    """The tests of a `SpeechRecognizer`; `StreamingRecognizerContract` has more.

    The samples are recordings of English that come with Vivavoce, unless `samples` is overridden.
    `long_s` is the length in seconds of an utterance that is very long.
    """

    long_s: ClassVar[int] = 61
    streams: ClassVar[bool] = False

    def samples(self, engine: Recognizer) -> Sequence[Utterance]:
        """Two utterances that are heard differently, and are no noise."""
        rate = engine.sample_rate
        return [Utterance(convert(clip(name).pcm, SAMPLE_RATE, rate)) for name in ("time", "stop")]

    def long_sample(self, engine: Recognizer) -> Utterance:
        """The first sample, again and again."""
        first = self.samples(engine)[0]
        wanted = BYTES_PER_SAMPLE * engine.sample_rate * self.long_s
        return Utterance(first.audio * -(-wanted // len(first.audio)), first.hint)

    async def use(self, engine: Recognizer, sample: Utterance, pieces: list[Any]) -> Transcript:
        """Recognise an utterance."""
        return await engine.recognize(sample.audio, sample.hint, pieces.append)

    async def test_its_sample_rate_is_one_of_speech(self, engine: Recognizer) -> None:
        """In hertz, and known before it is loaded."""
        assert isinstance(engine.sample_rate, int)
        assert 8_000 <= engine.sample_rate <= 48_000, f"{engine.sample_rate} Hz"

    async def test_its_rate_and_abilities_are_known_before_it_is_loaded(
        self, engine: Recognizer, make_engine: Callable[[], Recognizer]
    ) -> None:
        """Sessions are opened while an engine loads, and decide by them."""
        fresh = make_engine()
        try:
            assert fresh.sample_rate == engine.sample_rate
            assert abilities_of(fresh) == abilities_of(engine)
        finally:
            await fresh.close()

    async def test_one_that_streams_is_tested_as_such(self, engine: Recognizer) -> None:
        """What has `open_stream` inherits `StreamingRecognizerContract`."""
        assert isinstance(engine, StreamingRecognizer) == self.streams, (
            "an engine that has open_stream inherits StreamingRecognizerContract, others do not"
        )

    async def test_speech_has_a_text_without_space_around_it(self, engine: Recognizer) -> None:
        """And a language by its code, if it says one."""
        for sample in self.samples(engine):
            transcript = await self.used(engine, sample)
            assert transcript.text, f"nothing was heard in {sample!r}"
            assert transcript.text == transcript.text.strip(), repr(transcript.text)
            language = transcript.language
            assert language is None or (language.isalpha() and 2 <= len(language) <= 3), (
                f"a language is a code as 'en', not {language!r}"
            )

    async def test_what_was_handed_over_is_the_beginning_of_the_text(
        self, engine: Recognizer
    ) -> None:
        """Pieces are never taken back: joined, they are the text, if there are any."""
        for sample in self.samples(engine):
            pieces: list[str] = []
            transcript = await self.used(engine, sample, pieces)
            assert all(pieces), f"a piece has some text: {pieces!r}"
            assert not pieces or "".join(pieces) == transcript.text, (
                f"the pieces {pieces!r} are not the text {transcript.text!r}"
            )

    async def test_pieces_come_on_the_event_loop(self, engine: Recognizer) -> None:
        """What takes them is not thread-safe."""
        threads: set[int] = set()

        def note(_: str) -> None:
            threads.add(threading.get_ident())

        async with asyncio.timeout(self.patience_s):
            for sample in self.samples(engine):
                await engine.recognize(sample.audio, sample.hint, note)
        assert threads <= {threading.get_ident()}, "a piece came in another thread"

    async def test_log_probabilities_are_those_of_the_text(self, engine: Recognizer) -> None:
        """Their tokens joined are the text, if there are any; none come unasked."""
        first = self.samples(engine)[0]
        plain = await self.used(engine, first)
        assert plain.logprobs == (), "log probabilities came without being asked for"
        asked = Utterance(first.audio, msgspec.structs.replace(first.hint, logprobs=True))
        transcript = await self.used(engine, asked)
        if transcript.logprobs:
            joined = "".join(one.token for one in transcript.logprobs)
            assert joined.strip() == transcript.text, f"the tokens are {joined!r}"
            assert all(one.logprob <= 0 for one in transcript.logprobs)
            assert abilities_of(engine).logprobs, "its abilities do not tell of log probabilities"

    @pytest.mark.parametrize("samples", [0, 1, 2, 79, 161, 1_601, 12_347])
    async def test_audio_of_any_length_is_taken(self, engine: Recognizer, samples: int) -> None:
        """None, less than a window, and lengths that are a multiple of nothing."""
        first = self.samples(engine)[0]
        sample = Utterance(first.audio[: BYTES_PER_SAMPLE * samples], first.hint)
        result = await self.harmless(engine, sample)
        assert isinstance(result, Transcript), f"{samples} samples failed: {result}"

    @pytest.mark.parametrize("kind", ["silence", "clipped noise"])
    async def test_audio_without_speech_does_no_harm(self, engine: Recognizer, kind: str) -> None:
        """Such turns come from every microphone."""
        count = engine.sample_rate
        noise = np.random.default_rng(0).choice([-32_768, 32_767], count).astype("<i2")
        audio = noise.tobytes() if kind == "clipped noise" else bytes(BYTES_PER_SAMPLE * count)
        first = self.samples(engine)[0]
        result = await self.harmless(engine, Utterance(audio, first.hint))
        assert isinstance(result, Transcript), f"{kind} failed: {result}"

    async def test_a_very_long_utterance_is_heard_or_refused(self, engine: Recognizer) -> None:
        """A turn may last as long as an operator allows, a minute by default."""
        await self.harmless(engine, self.long_sample(engine))

    @pytest.mark.parametrize(
        "hint",
        [
            Hint(language="tlh"),
            Hint(languages=("xx", "en")),
            Hint(prompt="\0 \U0001f600 " + "word " * 2_000),
            Hint(keywords=("", "Zürich", "a/b:c\n", *("name",) * 200)),
        ],
        ids=["language", "languages", "prompt", "keywords"],
    )
    async def test_an_odd_hint_is_passed_over_or_refused_readably(
        self, engine: Recognizer, hint: Hint
    ) -> None:
        """Clients send what they like."""
        await self.harmless(engine, Utterance(self.samples(engine)[0].audio, hint))

    async def test_what_one_client_asks_for_stays_with_it(self, engine: Recognizer) -> None:
        """A use that fails beside others fails alone."""
        sample = self.samples(engine)[0]
        expected = await self.used(engine, sample)
        odd = Utterance(sample.audio, Hint(language="tlh"))
        heard = await asyncio.gather(
            *(or_error(self.used(engine, one)) for one in (odd, sample, odd, sample))
        )
        assert not isinstance(heard[1], EngineError), f"a neighbour's use failed: {heard[1]}"
        assert heard[1] == heard[3] == expected, f"heard {heard!r} instead of {expected!r}"
