"""The engine slots as typed Protocols.

An *engine* is heavy, shared by all sessions, and loaded once, off the event loop: `load()` may
block for seconds and is called in a thread. What it then opens is light and holds the state of
one use. Everything async here must stay off the CPU: blocking work runs in threads or child
processes behind the adapter, and cancelling the awaiting task must stop it.

Audio is mono int16 little-endian PCM, as `bytes`; each engine names its sample rate in Hz.
An engine that cannot do its work raises `EngineError`; whatever else it raises is reported as
an internal fault of that engine. Neither reaches another session.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import msgspec
import numpy as np
import numpy.typing as npt

from vivavoce.protocol.prompt import Prompt
from vivavoce.protocol.voices import Voices

Sleep = Callable[[float], Awaitable[None]]
"""How a scripted engine waits, in seconds: `asyncio.sleep`, or a pause that somebody notes."""


class EngineError(Exception):
    """An engine could not do what it was asked. The text is shown to the client's author."""

    def __init__(self, message: str, *, code: str = "engine_error") -> None:
        super().__init__(message)
        self.code = code


class MissingDependencyError(EngineError):
    """An engine's package or library is not installed; the text says how to get it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="missing_dependency")


class Engine(Protocol):
    """What every slot's engine has.

    `load` blocks until the engine is ready and raises `EngineError` when it cannot; it is
    called once, in a thread. `close` frees everything; it is awaited on the event loop.
    """

    name: ClassVar[str]

    def load(self) -> None: ...
    async def close(self) -> None: ...


# --- voice activity detection -------------------------------------------------------------------


class VoiceActivityDetector(Engine, Protocol):
    """Scores windows of many streams in one call. Not thread-safe: one worker calls it.

    `open_stream` gives a small integer that names a stream's state; `close_stream` frees it for
    reuse. `score` takes one window for each of `streams` (distinct), `windows` of shape
    `[len(streams), 768]`, dtype int16, at 24 kHz, and gives the probability of speech of each,
    in 0.0 to 1.0. A stream's windows must come in order and without gaps.
    """

    def open_stream(self) -> int: ...
    def close_stream(self, stream: int) -> None: ...
    def score(self, streams: Sequence[int], windows: npt.NDArray[np.int16]) -> list[float]: ...


# --- speech recognition -------------------------------------------------------------------------


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """What a client said about the speech to be recognised. All optional."""

    language: str | None = None
    """ISO 639-1, `en`."""
    prompt: str | None = None


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard. Empty text means that there were no words (noise)."""

    text: str
    language: str | None = None


class SpeechRecognizer(Engine, Protocol):
    """Recognises one utterance at a time, of any number of sessions at once.

    `recognize` takes `audio` at `sample_rate` and returns the whole transcript. `on_delta`
    is called on the event loop with each further piece of text, if the engine gives pieces:
    what has been handed over is never taken back, and the pieces joined are the final text.
    Cancelling the task that awaits it stops the work.
    """

    sample_rate: int

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript: ...


# --- language models ----------------------------------------------------------------------------


class TextDelta(msgspec.Struct, frozen=True):
    """More words of the answer."""

    text: str


class ToolCallDelta(msgspec.Struct, frozen=True, kw_only=True):
    """More of the tool call number `index` of this answer.

    The first delta of a call has its `name`, and `call_id` if the model gives one.
    """

    index: int
    arguments: str = ""
    name: str | None = None
    call_id: str | None = None


class Generated(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an answer: why it ended, and tokens where the model counts them."""

    reason: str = "stop"
    """`stop`, `length` (the token limit was reached) or `content_filter`."""
    input_tokens: int | None = None
    cached_tokens: int = 0
    output_tokens: int | None = None


ModelOutput = TextDelta | ToolCallDelta | Generated


class LanguageModel(Engine, Protocol):
    """Answers a prompt, piece by piece; the last piece is `Generated`.

    Closing the generator stops the generation, upstream too.
    """

    def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]: ...


# --- speech synthesis ---------------------------------------------------------------------------


class WordTiming(msgspec.Struct, frozen=True, array_like=True):
    """Where a word of the text is spoken.

    `text_end` is the offset in the text, in characters, just behind the word; `start_ms` is
    when the word begins, in milliseconds from the first sample of this text's audio.
    """

    text_end: int
    start_ms: int


class SpeechChunk(msgspec.Struct, frozen=True):
    """More audio of one text: PCM at the engine's `sample_rate`, and the words beginning in it."""

    audio: bytes
    words: tuple[WordTiming, ...] = ()


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """How to speak: a voice's name as the client gave it, a pace (1.0 is normal), a language."""

    name: str = "alloy"
    speed: float = 1.0
    language: str | None = None


class SpeechSynthesizer(Engine, Protocol):
    """Speaks one piece of text (a clause or a sentence), chunk by chunk.

    Closing the generator stops the synthesis.
    """

    sample_rate: int

    def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk, None]: ...


@runtime_checkable
class HasVoices(Protocol):
    """What a synthesiser may have besides: the voices that there are.

    A client that names another is then told so at once, not when it is first to be spoken.
    OpenAI's own names are always asked for too, and have to be answered with some voice.
    """

    @property
    def voices(self) -> Voices: ...
