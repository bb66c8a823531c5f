"""Voices that each break one rule of the contract; see `support.unfaithful`."""

import asyncio
from collections.abc import AsyncGenerator

from support.unfaithful import Invented
from vivavoce.engines.base import (
    EngineError,
    SpeechChunk,
    Voice,
    WordTiming,
)
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.protocol.voices import Voices


class Synthesizer(ScriptedSynthesizer, Invented):
    """Hums, and yields to the event loop."""

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        begin = 0.0
        async for chunk in super().synthesize(text, voice):
            end = begin + len(chunk.audio) / 48
            yield self.changed(chunk, text, begin, end)
            begin = end
            await asyncio.sleep(0)

    def changed(self, chunk: SpeechChunk, text: str, begin: float, end: float) -> SpeechChunk:
        return chunk


class CutsSamples(Synthesizer):
    caught_by = "test_a_chunk_has_whole_samples"

    def changed(self, chunk: SpeechChunk, text: str, begin: float, end: float) -> SpeechChunk:
        return SpeechChunk(chunk.audio + b"\0", chunk.words)


class IsSilent(Synthesizer):
    caught_by = "test_text_becomes_sound"

    def changed(self, chunk: SpeechChunk, text: str, begin: float, end: float) -> SpeechChunk:
        return SpeechChunk(bytes(len(chunk.audio)), chunk.words)


class GoesOn(Synthesizer):
    caught_by = "test_text_becomes_sound"

    def changed(self, chunk: SpeechChunk, text: str, begin: float, end: float) -> SpeechChunk:
        return SpeechChunk(chunk.audio * 20, ())


class TimesWords(Synthesizer):
    """Changes the words."""

    def word(self, word: WordTiming, text: str) -> WordTiming:
        return word

    def changed(self, chunk: SpeechChunk, text: str, begin: float, end: float) -> SpeechChunk:
        return SpeechChunk(chunk.audio, tuple(self.word(word, text) for word in chunk.words))


class EndsWordsInSpace(TimesWords):
    caught_by = "test_words_have_times"

    def word(self, word: WordTiming, text: str) -> WordTiming:
        return WordTiming(min(word.text_end + 1, len(text)), word.start_ms)


class LeavesTheText(TimesWords):
    caught_by = "test_words_have_times"

    def word(self, word: WordTiming, text: str) -> WordTiming:
        return WordTiming(word.text_end + len(text), word.start_ms)


class LeavesTheAudio(TimesWords):
    caught_by = "test_words_have_times"

    def word(self, word: WordTiming, text: str) -> WordTiming:
        return WordTiming(word.text_end, word.start_ms + 60_000)


class TimesBackwards(TimesWords):
    caught_by = "test_words_have_times"

    def word(self, word: WordTiming, text: str) -> WordTiming:
        return WordTiming(word.text_end, max(0, 2_000 - word.start_ms))


class TimesByTheChunk(TimesWords):
    caught_by = "test_a_word_comes_with_the_audio"

    def word(self, word: WordTiming, text: str) -> WordTiming:
        return WordTiming(word.text_end, word.start_ms // 2)


class ForgetsTheLastWord(Synthesizer):
    caught_by = "test_all_words_have_a_time"

    def changed(self, chunk: SpeechChunk, text: str, begin: float, end: float) -> SpeechChunk:
        words = (word for word in chunk.words if word.text_end < len(text))
        return SpeechChunk(chunk.audio, tuple(words))


class Choosy(Synthesizer):
    """Raises for some text or voice."""

    def refuse(self, text: str, voice: Voice) -> None: ...

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        self.refuse(text, voice)
        async for chunk in super().synthesize(text, voice):
            yield chunk


class WantsText(Choosy):
    caught_by = "test_nothing_to_say"

    def refuse(self, text: str, voice: Voice) -> None:
        if not text.strip():
            raise EngineError("There is no text.")


class CrashesOnNul(Choosy):
    caught_by = "test_odd_text"

    def refuse(self, text: str, voice: Voice) -> None:
        if "\0" in text:
            raise ValueError("embedded null byte")


class CrashesOnLongText(Choosy):
    caught_by = "test_long_text"

    def refuse(self, text: str, voice: Voice) -> None:
        if len(text) > 1_000:
            raise RecursionError


class KnowsNoMarin(Choosy):
    caught_by = "test_each_of_openais_names"

    def refuse(self, text: str, voice: Voice) -> None:
        if voice.name == "marin":
            raise EngineError("There is no voice 'marin'.")


class NamesAVoiceTooMany(Choosy):
    caught_by = "test_each_voice_that_it_names"
    voices = Voices(names=("alloy", "nobody"))

    def refuse(self, text: str, voice: Voice) -> None:
        if voice.name == "nobody":
            raise EngineError("There is no voice 'nobody'.")


class CrashesOnUnknownVoices(Choosy):
    caught_by = "test_an_unknown_voice"

    def refuse(self, text: str, voice: Voice) -> None:
        if " " in voice.name:
            raise FileNotFoundError(voice.name)


class IsFasterWhenSlower(Synthesizer):
    caught_by = "test_it_can_be_slower_and_faster"

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        turned = Voice(name=voice.name, speed=1 / voice.speed)
        async for chunk in super().synthesize(text, turned):
            yield chunk


class StaysTaken(Synthesizer):
    caught_by = "test_speech_may_be_left"
    taken = 0

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        self.taken += 1
        if self.taken > 4:
            raise EngineError("All voices speak.")
        async for chunk in super().synthesize(text, voice):
            yield chunk
        self.taken -= 1


class HoldsItsPlace(Synthesizer):
    caught_by = "test_speech_that_is_never_begun"
    taken = 0

    def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        if self.taken:
            raise EngineError("All voices speak.")
        self.taken += 1
        return self._synthesize(text, voice)

    async def _synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        try:
            async for chunk in super().synthesize(text, voice):
                yield chunk
        finally:
            self.taken -= 1
