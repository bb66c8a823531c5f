"""Everything that a session wants done, in one ordered sequence.

Positions are samples at 24 kHz since the session's start. Every command to an engine has a job
id, and `Cancel` is the only way to stop one.
"""

from typing import TypeVar

import msgspec

from vivavoce.protocol.ids import Ids
from vivavoce.protocol.prompt import AudioClip, Prompt
from vivavoce.protocol.server_events import ServerEvent
from vivavoce.protocol.session_config import AudioFormat, NoiseReductionKind
from vivavoce.protocol.tools import ToolServer
from vivavoce.session.speculation import Fate, Work
from vivavoce.session.waterfall import Waterfall


class Output(msgspec.Struct, frozen=True, tag_field="output", tag=True):
    """Something to do."""


class Send(Output, frozen=True):
    """Send an event, to one peer or to all (None)."""

    event: ServerEvent
    to: int | None = None


class SendAudio(Output, frozen=True):
    """Send an `OutputAudioDelta`, whose bytes are 24 kHz PCM, in the response's format."""

    event: ServerEvent
    format: AudioFormat


class EndAudio(Output, frozen=True):
    """An item's speech is over: what its encoder still holds, if anything, is sent as this
    `OutputAudioDelta`, or dropped where the speech was `cut` short: a client that has stopped
    its playback by then would play it."""

    event: ServerEvent
    cut: bool


class SendRetrieved(Output, frozen=True):
    """Send a `ConversationItemRetrieved`, with the item's kept audio filled in."""

    event: ServerEvent
    to: int | None


class Disconnect(Output, frozen=True):
    """End every connection of the session with this close code."""

    code: int
    reason: str


class TakeFormat(Output, frozen=True):
    """What the client appends from now on is in this format."""

    format: AudioFormat


class ReduceNoise(Output, frozen=True):
    """What the client appends from now on is heard with less noise; None: as it is.

    The samples of items stay as they were sent.
    """

    kind: NoiseReductionKind | None


class Listen(Output, frozen=True):
    """Score the tape for speech, window by window from `start` on, until cancelled."""

    job: int
    start: int


class JudgeTurn(Output, frozen=True):
    """Judge whether the turn on the tape from `start` to `end`, in a pause, is complete."""

    job: int
    start: int
    end: int


class Recognize(Output, frozen=True, kw_only=True):
    """What all questions to the recogniser say: the wishes of the client (protocol 2.3)."""

    job: int
    model: str = ""
    """`transcription.model`; empty for the recogniser of the session's own model."""
    language: str | None = None
    languages: tuple[str, ...] = ()
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    logprobs: bool = False


class Follow(Recognize, frozen=True, kw_only=True):
    """Recognise the speech on the tape from `start` on, while it comes, until cancelled.

    A `Hear` that names this job asks for what was said so far, and is answered with the words
    that were heard on the way and the rest.
    """

    start: int


class Hear(Recognize, frozen=True, kw_only=True):
    """Recognise the speech on the tape from `start` to `end`."""

    start: int
    end: int
    follow: int | None = None
    """The job that follows this speech already, from `start` or from before."""


class HearClip(Recognize, frozen=True, kw_only=True):
    """Recognise the speech of an item that came with its audio, in the input format."""

    audio: bytes
    format: AudioFormat


class Generate(Output, frozen=True):
    """Ask the language model.

    `words` are what is known of the speech in the prompt, by item id: the model reads them where
    the recording is gone. They are no part of the prompt, so that a draft still serves when they
    become known.
    """

    job: int
    prompt: Prompt
    words: dict[str, str] = {}


class Speak(Output, frozen=True, kw_only=True):
    """Speak one clause. `speed` is a factor on the normal pace.

    `language` is the one that the model's operator has set, which the voice has to speak, or, if
    `language_was_heard` from the user, which it should speak if it can.
    """

    job: int
    text: str
    voice: str
    speed: float
    language: str | None = None
    language_was_heard: bool = False


class ListTools(Output, frozen=True):
    """Ask an MCP server for its tools."""

    job: int
    server: ToolServer


class CallTool(Output, frozen=True, kw_only=True):
    """Call a tool of an MCP server. `arguments` is a JSON object as text."""

    job: int
    server: ToolServer
    name: str
    arguments: str


class Cancel(Output, frozen=True):
    """Stop a job; results of it that are under way will find no owner."""

    job: int


class KeepAudio(Output, frozen=True):
    """Move the tape from `start` to `end` into the item's own audio.

    `clip` is what a model that hears may be asked to hear of it, which lies within.
    """

    item_id: str
    start: int
    end: int
    clip: AudioClip | None = None


class KeepClip(Output, frozen=True):
    """Keep this audio, in the input format, as the item's own.

    An item `of_response` is in a response's own input: it is heard once, and never retrieved.
    """

    item_id: str
    audio: bytes
    format: AudioFormat
    of_response: bool = False


class TrimAudio(Output, frozen=True):
    """Nothing on the tape before this position will be asked for any more."""

    before: int


class DropAudio(Output, frozen=True):
    """Forget an item's audio."""

    item_id: str


class Interrupted(Output, frozen=True):
    """The user has cut an answer short that was being sent, or played, by speaking."""


class Measured(Output, frozen=True):
    """A response has ended, and these were its times."""

    waterfall: Waterfall


class Speculated(Output, frozen=True, kw_only=True):
    """It is known what became of a job that was begun in a pause, on trial.

    There is one for each, when it is used, or when it is in vain; it may be at work still.
    """

    job: int
    work: Work
    fate: Fate
    amount: float
    """What was made by now: of `transcribe` and `speak` seconds of speech that were heard or
    spoken, of `generate` characters. 0 for a turn that was followed: it is heard on the way."""


AnyOutput = (
    Send
    | SendAudio
    | EndAudio
    | SendRetrieved
    | Disconnect
    | TakeFormat
    | ReduceNoise
    | Listen
    | JudgeTurn
    | Follow
    | Hear
    | HearClip
    | Generate
    | Speak
    | ListTools
    | CallTool
    | Cancel
    | KeepAudio
    | KeepClip
    | TrimAudio
    | DropAudio
    | Interrupted
    | Measured
    | Speculated
)


E = TypeVar("E", bound=ServerEvent)


class Outbox:
    """Collects what one step wants done; gives out event ids and job ids."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._outputs: list[AnyOutput] = []
        self._last_job = 0

    def __bool__(self) -> bool:
        return bool(self._outputs)

    def send(self, event: ServerEvent, *, to: int | None = None) -> None:
        """Send `event`, to all peers unless one is named."""
        self._outputs.append(Send(self.stamp(event), to))

    def stamp(self, event: E) -> E:
        """`event` with an id of its own."""
        event.event_id = self._ids.new("event")
        return event

    def do(self, output: AnyOutput) -> None:
        """Append a command."""
        self._outputs.append(output)

    def new_job(self) -> int:
        """A job id that was never used in this session."""
        self._last_job += 1
        return self._last_job

    def take(self) -> tuple[AnyOutput, ...]:
        """All that was collected since the last call, in order."""
        taken = tuple(self._outputs)
        self._outputs.clear()
        return taken
