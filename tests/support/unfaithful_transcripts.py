"""More recognisers that each break one rule: by what they write, or what they refuse."""

import asyncio
from collections.abc import Callable

from support.unfaithful_recognizers import Recognizer
from support.unfaithful_streaming_recognizers import Stream
from vivavoce.engines.base import (
    EngineError,
    Hint,
    TokenLogprob,
    Transcript,
)


class Changed(Recognizer):
    """Its transcript is changed at the end."""

    def change(self, transcript: Transcript, hint: Hint) -> Transcript:
        return transcript

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        return self.change(await super().recognize(audio, hint, on_delta), hint)


class TakesBack(Changed):
    caught_by = "test_what_was_handed_over"

    def change(self, transcript: Transcript, hint: Hint) -> Transcript:
        return Transcript(text=transcript.text.removesuffix(" no more"))


class LeavesSpace(Changed):
    caught_by = "test_speech_has_a_text"

    def change(self, transcript: Transcript, hint: Hint) -> Transcript:
        return Transcript(text=f"{transcript.text} ")


class SpellsOutLanguages(Changed):
    caught_by = "test_speech_has_a_text"

    def change(self, transcript: Transcript, hint: Hint) -> Transcript:
        return Transcript(text=transcript.text, language="English")


class TellsProbabilitiesUnasked(Changed):
    caught_by = "test_log_probabilities"

    def change(self, transcript: Transcript, hint: Hint) -> Transcript:
        return Transcript(text=transcript.text, logprobs=(TokenLogprob(transcript.text, -0.1),))


class HearsItselfInNoise(Changed):
    """What it heard once, it hears for ever."""

    caught_by = "test_audio_without_speech"
    last = ""

    def change(self, transcript: Transcript, hint: Hint) -> Transcript:
        if " 1000 ms" in transcript.text:
            self.last = transcript.text
        return Transcript(text=self.last or transcript.text)


class TalksInAnotherThread(Recognizer):
    caught_by = "test_pieces_come_on_the_event_loop"

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        transcript = await super().recognize(audio, hint, lambda _: None)
        await asyncio.to_thread(on_delta, transcript.text)
        return transcript


class Refuses(Recognizer):
    """Raises for some audio or hint."""

    def refuse(self, audio: bytes, hint: Hint) -> None: ...

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        self.refuse(audio, hint)
        return await super().recognize(audio, hint, on_delta)


class WantsAudio(Refuses):
    caught_by = "test_audio_of_any_length"

    def refuse(self, audio: bytes, hint: Hint) -> None:
        if not audio:
            raise EngineError("There is no audio.")


class WantsWholeFrames(Refuses):
    caught_by = "test_audio_of_any_length"

    def refuse(self, audio: bytes, hint: Hint) -> None:
        if len(audio) < 30_000 and len(audio) % 320:
            raise ValueError("frames of 10 ms")


class CannotHearLong(Refuses):
    caught_by = "test_a_very_long_utterance"

    def refuse(self, audio: bytes, hint: Hint) -> None:
        if len(audio) > 32_000 * 4:
            raise OverflowError("too long")


class CrashesOnLanguages(Refuses):
    caught_by = "test_an_odd_hint"

    def refuse(self, audio: bytes, hint: Hint) -> None:
        {None: 0, "en": 1}[hint.language]


class SharesFailures(Refuses):
    caught_by = "test_what_one_client_asks_for"
    refused = False

    def refuse(self, audio: bytes, hint: Hint) -> None:
        if hint.language == "tlh":
            self.refused = True
            asyncio.get_running_loop().call_later(0.01, self.forget)
        if self.refused:
            raise EngineError("A batch failed.")

    def forget(self) -> None:
        self.refused = False


class StreamsUnnoticed(Recognizer):
    caught_by = "test_one_that_streams"

    def open_stream(self, hint: Hint) -> "Stream":
        return Stream()
