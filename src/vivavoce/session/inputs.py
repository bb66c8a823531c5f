"""Everything that can happen to a session. All positions are samples at 24 kHz since its start.

Results of engines carry the id of the job that asked for them; one whose job has no owner any
more yields nothing. The structs are tagged, so that a trace can be read back and replayed.
"""

import msgspec

from vivavoce.protocol.client_events import ClientEvent
from vivavoce.protocol.errors import ErrorDetail
from vivavoce.protocol.items import McpError, McpListedTool, McpToolError
from vivavoce.protocol.server_events import LogProb
from vivavoce.session.speculation import Load


class Input(msgspec.Struct, frozen=True, tag_field="input", tag=True):
    """Something happened."""


class PeerJoined(Input, frozen=True):
    """A connection opened; `peer` names it from now on."""

    peer: int
    measured: bool = False
    """Whether it has asked for `vivavoce.turn.measured`."""


class PeerLeft(Input, frozen=True):
    """A connection is gone."""

    peer: int


class EventReceived(Input, frozen=True):
    """A client sent an event (audio appends arrive as `AudioAppended`)."""

    peer: int
    event: ClientEvent


class FrameRefused(Input, frozen=True):
    """A client sent what cannot be read."""

    peer: int
    error: ErrorDetail


class AudioAppended(Input, frozen=True, gc=False):
    """The tape now ends at `to`."""

    to: int


class SpeechScored(Input, frozen=True, gc=False):
    """The 32 ms window that ends at `end` holds speech with this probability, 0.0 to 1.0."""

    job: int
    end: int
    probability: float


class TurnJudged(Input, frozen=True):
    """What was said before the pause is complete with this probability, 0.0 to 1.0."""

    job: int
    probability: float


class TranscriptDelta(Input, frozen=True):
    """A piece of a transcript that will not be taken back."""

    job: int
    text: str


class Transcribed(Input, frozen=True):
    """A transcript, whole. Empty text is noise without words."""

    job: int
    text: str
    logprobs: tuple[LogProb, ...] = ()
    """Of its tokens, if they were asked for."""
    language: str | None = None
    """What was spoken, ISO 639-1, if it is known."""


class EngineFailed(Input, frozen=True):
    """The job's engine failed; `message` is fit for a client's author."""

    job: int
    code: str
    message: str
    replaced: bool = False
    """Whether it hung, and a fresh one listens in its place if it is asked to."""


class TextGenerated(Input, frozen=True):
    """More words from the language model."""

    job: int
    text: str


class AudioGenerated(Input, frozen=True):
    """More of an answer that the model speaks itself: 24 kHz PCM, and more of its words."""

    job: int
    audio: bytes = b""
    text: str = ""


class ToolCallGenerated(Input, frozen=True):
    """More of tool call number `index`; the first piece of a call has its name."""

    job: int
    index: int
    arguments: str = ""
    name: str | None = None
    call_id: str | None = None


class GenerationFinished(Input, frozen=True):
    """The language model is done: `stop`, `length` or `content_filter`, and what it cost."""

    job: int
    reason: str = "stop"
    input_tokens: int | None = None
    cached_tokens: int = 0
    output_tokens: int | None = None
    input_audio_tokens: int = 0
    """Those of `input_tokens` that are audio."""
    output_audio_tokens: int | None = None
    """Those of `output_tokens` that are audio; None where audio is not counted."""


class Word(msgspec.Struct, frozen=True, array_like=True):
    """A word of a clause: where it ends in the text, when it begins in the audio."""

    text_end: int
    start_ms: int


class AudioSynthesized(Input, frozen=True):
    """More speech of one clause: 24 kHz PCM, and the words that begin in it."""

    job: int
    audio: bytes
    words: tuple[Word, ...] = ()


class SpeechFinished(Input, frozen=True):
    """A clause is spoken."""

    job: int


class ToolsListed(Input, frozen=True):
    """The tools of an MCP server, in its order."""

    job: int
    tools: tuple[McpListedTool, ...]


class ToolReturned(Input, frozen=True):
    """What a tool of an MCP server gave, as text."""

    job: int
    output: str


class ToolServerFailed(Input, frozen=True):
    """An MCP server could not list its tools, or a call of one gave an error."""

    job: int
    error: McpError


def tool_server_failed(job: int, message: str) -> ToolServerFailed:
    """A server that failed in a way of which only the words are known."""
    return ToolServerFailed(job, McpToolError(message=message))


class LoadChanged(Input, frozen=True):
    """The server is so busy from now on. What is done in a pause depends on it, and nothing else.

    What is at work goes on: to stop it would save less than to do it again costs.
    """

    load: Load


class TimerFired(Input, frozen=True):
    """The deadline that the session gave has come."""


AnyInput = (
    PeerJoined
    | PeerLeft
    | EventReceived
    | FrameRefused
    | AudioAppended
    | SpeechScored
    | TurnJudged
    | TranscriptDelta
    | Transcribed
    | EngineFailed
    | TextGenerated
    | AudioGenerated
    | ToolCallGenerated
    | GenerationFinished
    | AudioSynthesized
    | SpeechFinished
    | ToolsListed
    | ToolReturned
    | ToolServerFailed
    | LoadChanged
    | TimerFired
)
