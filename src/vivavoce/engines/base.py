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

from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.prompt import Prompt
from vivavoce.protocol.session_config import NoiseReductionKind
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


class UnspokenLanguageError(EngineError):
    """A synthesiser has no voice for `Voice.language`; nothing was spoken."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="unsupported_language")


class Engine(Protocol):
    """What every slot's engine has.

    `load` blocks until the engine is ready and raises `EngineError` when it cannot; it is
    called once, in a thread. `close` frees everything; it is awaited on the event loop.
    """

    name: ClassVar[str]

    def load(self) -> None: ...
    async def close(self) -> None: ...


@runtime_checkable
class WarmsUp(Protocol):
    """What an engine may have besides: a first use of its own, so that no caller's is the slow one.

    `warm_up` blocks. It is called once after `load`, in the same thread, and raises what that may.
    """

    def warm_up(self) -> None: ...


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


# --- turn detection ------------------------------------------------------------------------------


class TurnDetector(Engine, Protocol):
    """Hears in a pause whether the speaker has finished, or is only thinking.

    `judge` takes the turn so far as `audio` at `sample_rate`, at most its last `hears_s` seconds,
    with the silence of the pause at its end, and gives the probability that the turn is complete,
    in 0.0 to 1.0. Several sessions may await it at once. Cancelling the task that awaits it takes
    back a judgement that was not begun.
    """

    sample_rate: int
    hears_s: float

    async def judge(self, audio: bytes) -> float: ...


# --- noise reduction -----------------------------------------------------------------------------


class NoiseReductionStream(Protocol):
    """One session's audio on its way through; whoever uses it calls it from one thread at a time.

    `reduce` blocks, for a small part of what the audio lasts. It takes the next samples, however
    many, at 24 kHz, and gives exactly as many; they are the same ones whatever the pieces, and
    later than what went in by a fixed delay of at most 30 ms.
    """

    def reduce(self, pcm: bytes) -> bytes: ...


class NoiseReducer(Engine, Protocol):
    """Takes noise out of speech. `open_stream` begins a session's audio.

    `near_field` is a close microphone, as of a headset, and `far_field` one in the room.
    """

    def open_stream(self, kind: NoiseReductionKind) -> NoiseReductionStream: ...


# --- speech recognition -------------------------------------------------------------------------


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """What a client said about the speech to be recognised. All optional."""

    language: str | None = None
    """ISO 639-1, `en`."""
    languages: tuple[str, ...] = ()
    """Those that may be spoken, where `language` does not say which it is."""
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    """Words that are likely to be said, such as names."""
    logprobs: bool = False
    """Whether the client asked for the log probabilities of the transcript's tokens."""
    temperature: float | None = None
    """0 to 1, for recognisers that sample; None leaves it to the engine."""


class TokenLogprob(msgspec.Struct, frozen=True):
    """A token of a transcript and its natural log probability."""

    token: str
    logprob: float


class Transcript(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard. Empty text means that there were no words (noise)."""

    text: str
    language: str | None = None
    """What was spoken, ISO 639-1, where the engine says so."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """Of the tokens of the text, where they were asked for and the engine has them."""


class SpeechRecognizer(Engine, Protocol):
    """Recognises one utterance at a time, of any number of sessions at once.

    One that can do more than that says so in an attribute `abilities`, a `HearingAbilities`,
    from its construction on. One that streams is a `StreamingRecognizer` too.

    `recognize` takes `audio` at `sample_rate` and returns the whole transcript. `on_delta`
    is called on the event loop with each further piece of text, if the engine gives pieces:
    what has been handed over is never taken back, and the pieces joined are the final text.
    Cancelling the task that awaits it stops the work.
    """

    sample_rate: int

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript: ...


class RecognitionStream(Protocol):
    """One utterance that is recognised while it is spoken, at its recogniser's `sample_rate`.

    `accept` takes the next audio and gives what is sure by now beyond what it gave before, which
    is never taken back. `flush` gives the transcript of all audio so far, as if the utterance
    ended here; it begins with all text that `accept` gave, and more audio may follow. One of them
    is awaited at a time. `close` frees everything at once, and may be called twice.
    """

    async def accept(self, audio: bytes) -> str: ...
    async def flush(self) -> Transcript: ...
    def close(self) -> None: ...


@runtime_checkable
class StreamingRecognizer(SpeechRecognizer, Protocol):
    """Recognises an utterance while it is spoken; `recognize` is for those that came whole."""

    def open_stream(self, hint: Hint) -> RecognitionStream: ...


def abilities_of(recognizer: SpeechRecognizer) -> HearingAbilities:
    """What a recogniser can do."""
    given: HearingAbilities = getattr(recognizer, "abilities", HearingAbilities())
    streams = isinstance(recognizer, StreamingRecognizer)
    return msgspec.structs.replace(given, streams=streams)


# --- language models ----------------------------------------------------------------------------


class TextDelta(msgspec.Struct, frozen=True, tag="text"):
    """More words of the answer."""

    text: str


class AudioDelta(msgspec.Struct, frozen=True, tag="audio"):
    """More of an answer that the model speaks itself: PCM at its `sample_rate`, and more words.

    Either may be empty. Words may come with their sound, or before it.
    """

    audio: bytes = b""
    transcript: str = ""


class ToolCallDelta(msgspec.Struct, frozen=True, kw_only=True, tag="tool_call"):
    """More of the tool call number `index` of this answer.

    The first delta of a call has its `name`, and `call_id` if the model gives one.
    """

    index: int
    arguments: str = ""
    name: str | None = None
    call_id: str | None = None


class Generated(msgspec.Struct, frozen=True, kw_only=True, tag="generated"):
    """The end of an answer: why it ended, and tokens where the model counts them."""

    reason: str = "stop"
    """`stop`, `length` (the token limit was reached) or `content_filter`."""
    input_tokens: int | None = None
    """All of them, with those of audio."""
    cached_tokens: int = 0
    output_tokens: int | None = None
    """All of them, with those of audio where they are counted."""
    input_audio_tokens: int = 0
    output_audio_tokens: int | None = None
    """None where audio is not counted."""


ModelOutput = TextDelta | AudioDelta | ToolCallDelta | Generated


class SpeechAbilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a language model can do with speech, without recogniser and synthesiser."""

    hears: bool = False
    """It is given `Message.speech`, filled in."""
    speaks: bool = False
    """Where `Prompt.voice` is set it answers in `AudioDelta`s."""
    sample_rate: int = 24_000
    """Hertz, of the audio that it is given and that it gives."""


class LanguageModel(Engine, Protocol):
    """Answers a prompt, piece by piece; the last piece is `Generated`.

    Closing the generator stops the generation, upstream too. A model that hears or speaks says so
    in an attribute `speech`, a `SpeechAbilities`, from its construction on.
    """

    def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]: ...


def speech_abilities_of(model: LanguageModel) -> SpeechAbilities:
    """What a language model can do with speech; most can do nothing."""
    given: SpeechAbilities = getattr(model, "speech", SpeechAbilities())
    return given


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
    """How to speak: a voice's name as the client gave it, a pace (1.0 is normal), a language.

    A synthesiser that does not speak the language raises `UnspokenLanguageError` before anything
    else; one that reads what it is given, in whatever language, need not heed it.
    """

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
