"""What is said between those who use engines and the process that hosts them.

Values are those of `engines.base` and `protocol.prompt`; audio is bytes. A job has a number, which
whoever begins it chooses and uses once in a connection.

    user                                  host
    Hello ───────────────────────────────▶
          ◀─────────────────────────────── Welcome, or Failed 0
    Load ────────────────────────────────▶   (a connection of its own, which keeps it loaded)
          ◀─────────────────────────────── Loaded, or Failed 0
    Begin 7, Generate ───────────────────▶
          ◀─────────────────────────────── Part 7 …
    Grant 7 ─────────────────────────────▶
          ◀─────────────────────────────── Part 7 …, End 7 or Failed 7

A cancelled job is answered no more.
"""

from typing import Literal, TypeVar

import msgspec

from vivavoce.engines.base import EngineError, Hint, Transcript, Voice
from vivavoce.engines.registry import Slot
from vivavoce.engines.remote.description import Description
from vivavoce.protocol.prompt import Prompt

PROTOCOL = 1
"""Both sides must speak the same."""

WINDOW = 16
"""Pieces of an answer or of speech that may be under way to a reader; see `Grant`."""

CONNECTION = 0
"""The number that stands for the connection itself where a job's would be."""


class _Message(msgspec.Struct, frozen=True, array_like=True, tag=True):
    pass


# --- which engine -------------------------------------------------------------------------------


class ByKey(_Message, frozen=True):
    """An engine of a configuration that both sides have, by the digest of its options."""

    slot: Slot
    digest: bytes


class ByModel(_Message, frozen=True):
    """The engine of a model that the host's configuration names."""

    slot: Slot
    model: str


Selector = ByKey | ByModel


# --- to the host --------------------------------------------------------------------------------


class Hello(_Message, frozen=True):
    """The first message of a connection."""

    protocol: int
    token: str | None = None


class Load(_Message, frozen=True):
    """Load an engine, and keep it loaded as long as this connection stands."""

    engine: Selector


class Recognize(_Message, frozen=True):
    """`SpeechRecognizer.recognize`. Parts are texts, the end is a `Transcript`."""

    audio: bytes
    hint: Hint


class Follow(_Message, frozen=True):
    """`StreamingRecognizer.open_stream`. It lasts until it is cancelled or fails."""

    hint: Hint


class Generate(_Message, frozen=True):
    """`LanguageModel.generate`. Parts are `ModelOutput`s."""

    prompt: Prompt


class Synthesize(_Message, frozen=True):
    """`SpeechSynthesizer.synthesize`. Parts are `SpeechChunk`s."""

    text: str
    voice: Voice


class Judge(_Message, frozen=True):
    """`TurnDetector.judge`. The end is a float."""

    audio: bytes


Work = Recognize | Follow | Generate | Synthesize | Judge


class Begin(_Message, frozen=True):
    """Begin a job."""

    job: int
    engine: Selector
    work: Work


class Accept(_Message, frozen=True):
    """More audio for a `Follow`; the part that answers it is a text."""

    job: int
    audio: bytes


class Flush(_Message, frozen=True):
    """The part that answers it is the `Transcript` of all audio of a `Follow` so far."""

    job: int


class Grant(_Message, frozen=True):
    """So many more pieces may be sent for a `Generate` or `Synthesize`, which begin with `WINDOW`.

    What is not granted is not asked of the engine, so a slow reader slows its engine.
    """

    job: int
    pieces: int


class Cancel(_Message, frozen=True):
    """Nobody wants this job any more; it may have ended meanwhile."""

    job: int


ToHost = Hello | Load | Begin | Accept | Flush | Grant | Cancel


# --- to the user --------------------------------------------------------------------------------


class Welcome(_Message, frozen=True):
    """The hello was in order."""

    protocol: int
    version: str
    """Of the package, for logs."""


class Loaded(_Message, frozen=True):
    """The engine that was asked for is loaded."""

    engine: Description


class Part(_Message, frozen=True):
    """A piece of a job's result."""

    job: int
    value: msgspec.Raw


class End(_Message, frozen=True):
    """A job is done."""

    job: int
    value: msgspec.Raw


Kind = Literal["engine", "missing_dependency", "unspoken_language"]


class Failed(_Message, frozen=True):
    """A job cannot be done, or what a connection asked for. The text may be shown to clients."""

    job: int
    kind: Kind
    code: str
    text: str


ToUser = Welcome | Loaded | Part | End | Failed

# --- encoded values -----------------------------------------------------------------------------

to_host: msgspec.msgpack.Decoder[ToHost] = msgspec.msgpack.Decoder(ToHost)
to_user: msgspec.msgpack.Decoder[ToUser] = msgspec.msgpack.Decoder(ToUser)
texts = msgspec.msgpack.Decoder(str)
transcripts = msgspec.msgpack.Decoder(Transcript)

T = TypeVar("T")


def decoded(decoder: msgspec.msgpack.Decoder[T], value: msgspec.Raw) -> T:
    """What an engine answered. Raises `EngineError` if it is not what its job gives."""
    try:
        return decoder.decode(value)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise EngineError(
            f"The remote engine answered what its job never gives: {error}"
        ) from error
