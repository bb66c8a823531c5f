"""Reads the chunks of a chat completion that speaks: base64 and words in, PCM and words out.

Servers differ. OpenAI's sends bare PCM and transcripts in `delta.audio`; others send a WAV file in
pieces there, and the words as `content`. vLLM-Omni sends words and whole WAV files by turns, both
as `content`, and marks the latter. Servers that do not stream send all of it in one message.
"""

from typing import Literal

import msgspec
import pybase64

from vivavoce.audio.resample import Resampler
from vivavoce.audio.wav_stream import SpeechStream
from vivavoce.engines.base import AudioDelta, EngineError, Generated, ModelOutput, TextDelta
from vivavoce.engines.llm.chat_chunk import Audio, Choice, Chunk, Delta
from vivavoce.engines.llm.chat_stream import ChatStream


class SpeechChatStream(ChatStream):
    """One answer in speech, at `rate` hertz. `thinks_first` is as in `ChatStream`."""

    def __init__(self, rate: int, *, thinks_first: bool = False) -> None:
        super().__init__(thinks_first=thinks_first)
        self._sound = ServersSound(rate)
        self._said = False
        """Whether there were words."""
        self._words_in: Literal["content", "transcript"] | None = None
        """Where the words are: a server that sends them twice means the same words."""

    def receive_document(self, document: bytes) -> list[ModelOutput] | None:
        """Take an answer that was not streamed; None if it is something else."""
        try:
            answer = msgspec.json.decode(document, type=Chunk)
        except msgspec.DecodeError:
            return None
        if not answer.choices:
            return None
        outputs = self.receive(document.decode())
        self.ended = True
        return outputs

    def receive_chunk(self, chunk: Chunk) -> list[ModelOutput]:
        """Return what a chunk holds; raises `EngineError` for audio that cannot be read."""
        outputs: list[ModelOutput] = []
        for choice in chunk.choices or ():
            delta = choice.delta or choice.message or Delta()
            if chunk.modality == "audio":
                delta = Delta(audio=Audio(data=delta.content))
            spoken = self._spoken(super()._receive_choice(self._with_words(choice, delta)))
            pcm = b""
            if delta.audio is not None and delta.audio.data:
                self.started = True
                pcm = self._sound.push(delta.audio.data)
            outputs += self._before_calls(pcm, spoken)
        return outputs

    def finish(self) -> list[ModelOutput]:
        """Return the last pieces; raises `EngineError` for an answer that has no sound."""
        *outputs, end = self._spoken(super().finish())
        if self._said and not self._sound.came and isinstance(end, Generated):
            raise EngineError(
                "answered in words and without any sound. Does this model speak, and has it been "
                "started so? A model that hears only is given `speaks: false`, and a voice.",
                code="invalid_response",
            )
        return [*self._before_calls(self._sound.flush(), outputs), end]

    def _before_calls(self, pcm: bytes, outputs: list[ModelOutput]) -> list[ModelOutput]:
        """The outputs with their sound behind the words and before the calls.

        All sound there is comes before a call: what came behind it would be speech of its own.
        """
        words = [output for output in outputs if isinstance(output, AudioDelta)]
        calls = [output for output in outputs if not isinstance(output, AudioDelta)]
        if calls:
            pcm += self._sound.pause()
        return [*words, *sounding(pcm), *calls]

    def _with_words(self, choice: Choice, delta: Delta) -> Choice:
        """The choice with its words as content, wherever the server has put them."""
        transcript = None if delta.audio is None else delta.audio.transcript
        if self._words_in is None and (delta.content or transcript):
            self._words_in = "content" if delta.content else "transcript"
        words = transcript if self._words_in == "transcript" else delta.content
        delta = Delta(
            content=words,
            tool_calls=delta.tool_calls,
            reasoning_content=delta.reasoning_content,
            reasoning=delta.reasoning,
        )
        return Choice(delta=delta, finish_reason=choice.finish_reason)

    def _spoken(self, outputs: list[ModelOutput]) -> list[ModelOutput]:
        """Words are those of the speech."""
        self._said = self._said or any(isinstance(output, TextDelta) for output in outputs)
        return [
            AudioDelta(transcript=output.text) if isinstance(output, TextDelta) else output
            for output in outputs
        ]


class ServersSound:
    """Turns pieces in base64 into mono int16 PCM at `rate` hertz.

    A piece that begins as a WAV file is one, or the beginning of one; all else is PCM at the rate
    of what came before it, or at `rate`. Each file is played at the rate that it names itself.
    """

    def __init__(self, rate: int) -> None:
        self.came = False
        self._rate = rate
        self._stream = SpeechStream(rate)
        self._from_rate = rate
        self._resampler = Resampler(rate, rate)

    def push(self, data: str) -> bytes:
        """Take the next piece and give the samples that are ready; raises `EngineError`."""
        try:
            sound = pybase64.b64decode(data)
        except ValueError as error:
            raise unreadable("audio that is no base64") from error
        before = b""
        if sound.startswith(b"RIFF"):
            before = self._resampled(self._stream.flush())
            self._stream = SpeechStream(self._rate)
        try:
            return before + self._resampled(self._stream.push(sound))
        except ValueError as error:
            raise unreadable(str(error)) from error

    def flush(self) -> bytes:
        """Give the rest."""
        return self._resampled(self._stream.flush()) + self.pause()

    def pause(self) -> bytes:
        """Give what resampling holds back; more of the same file may follow."""
        return self._resampler.flush()

    def _resampled(self, pcm: bytes) -> bytes:
        if not pcm:
            return b""
        self.came = True
        before = b""
        if self._from_rate != self._stream.rate:
            before = self.pause()
            self._from_rate = self._stream.rate
            self._resampler = Resampler(self._from_rate, self._rate)
        return before + self._resampler.push(pcm)


def sounding(pcm: bytes) -> list[AudioDelta]:
    """The sound, if there is any."""
    return [AudioDelta(pcm)] if pcm else []


def unreadable(what: str) -> EngineError:
    """A server's audio cannot be read."""
    return EngineError(f"answered with {what}", code="invalid_response")
