"""What the server sends over a WebSocket, GA dialect (protocol 4).

Keys that are null on the wire have None; keys that the wire leaves out are `UNSET`. An event's
`event_id` is given when it is sent.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from vivavoce.protocol.errors import ErrorDetail
from vivavoce.protocol.items import Item
from vivavoce.protocol.mcp_events import (
    McpCallArgumentsDelta,
    McpCallArgumentsDone,
    McpCallCompleted,
    McpCallFailed,
    McpCallInProgress,
    McpListToolsCompleted,
    McpListToolsFailed,
    McpListToolsInProgress,
)
from vivavoce.protocol.server_event import BaseServerEvent as BaseServerEvent
from vivavoce.protocol.session_config import (
    AudioFormat,
    MaxOutputTokens,
    OutputModalities,
    SessionConfig,
    VoiceName,
)


class Error(BaseServerEvent, kw_only=True, tag="error"):
    """A client's mistake; the connection stays (protocol 6)."""

    error: ErrorDetail


class SessionCreated(BaseServerEvent, kw_only=True, tag="session.created"):
    """The first frame of a connection."""

    session: SessionConfig


class SessionUpdated(BaseServerEvent, kw_only=True, tag="session.updated"):
    """The whole effective session, after each accepted update."""

    session: SessionConfig


# --- conversation -------------------------------------------------------------------------------


class ConversationItemAdded(BaseServerEvent, kw_only=True, tag="conversation.item.added"):
    """An item entered the conversation."""

    previous_item_id: str | None
    item: Item


class ConversationItemDone(BaseServerEvent, kw_only=True, tag="conversation.item.done"):
    """An item is final."""

    previous_item_id: str | None
    item: Item


class ConversationItemRetrieved(BaseServerEvent, kw_only=True, tag="conversation.item.retrieved"):
    """The item that was asked for, user audio included where it is still kept."""

    item: Item


class ConversationItemDeleted(BaseServerEvent, kw_only=True, tag="conversation.item.deleted"):
    """An item is gone."""

    item_id: str


class ConversationItemTruncated(BaseServerEvent, kw_only=True, tag="conversation.item.truncated"):
    """An assistant's item ends where it was heard last."""

    item_id: str
    content_index: int
    audio_end_ms: int


class DurationUsage(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="duration"):
    """What a transcription cost, in whole seconds of audio."""

    seconds: int


class TranscriptionError(msgspec.Struct, frozen=True, kw_only=True):
    """Why there is no transcript (protocol 6.4)."""

    type: str
    code: str
    message: str
    param: str | None = None


class TranscriptionDelta(
    BaseServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.delta"
):
    """More words of what the user said."""

    item_id: str
    content_index: int = 0
    delta: str


class LogProb(msgspec.Struct, frozen=True):
    """A token of a transcript: its natural log probability, and its text in UTF-8."""

    token: str
    logprob: float
    bytes: tuple[int, ...]


class TranscriptionCompleted(
    BaseServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.completed"
):
    """All that the user said."""

    item_id: str
    content_index: int = 0
    transcript: str
    usage: DurationUsage
    logprobs: tuple[LogProb, ...] | UnsetType = UNSET


class TranscriptionFailed(
    BaseServerEvent, kw_only=True, tag="conversation.item.input_audio_transcription.failed"
):
    """What the user said could not be made out."""

    item_id: str
    content_index: int = 0
    error: TranscriptionError


# --- input audio buffer -------------------------------------------------------------------------


class InputAudioBufferCommitted(BaseServerEvent, kw_only=True, tag="input_audio_buffer.committed"):
    """The buffered audio became an item."""

    item_id: str
    previous_item_id: str | None


class InputAudioBufferCleared(BaseServerEvent, kw_only=True, tag="input_audio_buffer.cleared"):
    """The buffered audio was dropped."""


class SpeechStarted(BaseServerEvent, kw_only=True, tag="input_audio_buffer.speech_started"):
    """Somebody speaks; `audio_start_ms` counts all audio of the session, padding included."""

    audio_start_ms: int
    item_id: str


class SpeechStopped(BaseServerEvent, kw_only=True, tag="input_audio_buffer.speech_stopped"):
    """The turn is over; `audio_end_ms` counts all audio of the session."""

    audio_end_ms: int
    item_id: str


class TimeoutTriggered(BaseServerEvent, kw_only=True, tag="input_audio_buffer.timeout_triggered"):
    """Nobody has spoken for `idle_timeout_ms`; the span of silence counts all audio of the
    session."""

    audio_start_ms: int
    audio_end_ms: int
    item_id: str


# --- responses ----------------------------------------------------------------------------------


class CachedTokenDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Cached input by kind."""

    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0


class InputTokenDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Input by kind."""

    text_tokens: int = 0
    audio_tokens: int = 0
    image_tokens: int = 0
    cached_tokens: int = 0
    cached_tokens_details: CachedTokenDetails = CachedTokenDetails()


class OutputTokenDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Output by kind."""

    text_tokens: int = 0
    audio_tokens: int = 0


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What a response cost (protocol 7); `total_tokens` is the sum of the two."""

    total_tokens: int
    input_tokens: int
    output_tokens: int
    input_token_details: InputTokenDetails
    output_token_details: OutputTokenDetails


class ResponseError(msgspec.Struct, frozen=True, kw_only=True):
    """Why a response failed (protocol 6.3)."""

    type: str
    code: str | None
    message: str


class StatusDetails(msgspec.Struct, frozen=True, kw_only=True):
    """Why a response ended otherwise than by completion (protocol 4.1)."""

    type: Literal["cancelled", "incomplete", "failed"]
    reason: str | UnsetType = UNSET
    error: ResponseError | UnsetType = UNSET


ResponseStatus = Literal["in_progress", "completed", "cancelled", "incomplete", "failed"]


class ResponseAudioOutputShown(msgspec.Struct, frozen=True, kw_only=True):
    """The voice of a response."""

    format: AudioFormat
    voice: VoiceName


class ResponseAudioShown(msgspec.Struct, frozen=True, kw_only=True):
    """The audio of a response."""

    output: ResponseAudioOutputShown


class ResponseObject(msgspec.Struct, frozen=True, kw_only=True):
    """A response as events show it (protocol 4.1)."""

    object: Literal["realtime.response"] = "realtime.response"
    id: str
    status: ResponseStatus
    status_details: StatusDetails | None
    output: tuple[Item, ...]
    conversation_id: str | None
    output_modalities: OutputModalities
    max_output_tokens: MaxOutputTokens
    audio: ResponseAudioShown
    usage: Usage | None
    metadata: dict[str, str] | None
    temperature: float | UnsetType = UNSET


class ResponseCreated(BaseServerEvent, kw_only=True, tag="response.created"):
    """Inference begins."""

    response: ResponseObject


class ResponseDone(BaseServerEvent, kw_only=True, tag="response.done"):
    """The end of a response, whatever its outcome."""

    response: ResponseObject


class OutputItemAdded(BaseServerEvent, kw_only=True, tag="response.output_item.added"):
    """A response begins an item."""

    response_id: str
    output_index: int
    item: Item


class OutputItemDone(BaseServerEvent, kw_only=True, tag="response.output_item.done"):
    """A response ends an item."""

    response_id: str
    output_index: int
    item: Item


class ShownPart(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """A content part as part events show it: `audio` or `text`, without `output_`."""


class TextPart(ShownPart, frozen=True, kw_only=True, tag="text"):
    """A part that is written."""

    text: str


class AudioPart(ShownPart, frozen=True, kw_only=True, tag="audio"):
    """A part that is spoken."""

    transcript: str


class ContentEvent(BaseServerEvent, kw_only=True):
    """An event about one content part."""

    response_id: str
    item_id: str
    output_index: int
    content_index: int = 0


class ContentPartAdded(ContentEvent, kw_only=True, tag="response.content_part.added"):
    """A content part begins, empty."""

    part: TextPart | AudioPart


class ContentPartDone(ContentEvent, kw_only=True, tag="response.content_part.done"):
    """A content part ends, whole."""

    part: TextPart | AudioPart


class OutputTextDelta(ContentEvent, kw_only=True, tag="response.output_text.delta"):
    """More written words."""

    delta: str


class OutputTextDone(ContentEvent, kw_only=True, tag="response.output_text.done"):
    """All written words."""

    text: str


class OutputAudioDelta(ContentEvent, kw_only=True, tag="response.output_audio.delta"):
    """More speech. `delta` is 24 kHz PCM inside the server; the edge converts it to the format
    of the response and writes it as base64."""

    delta: bytes


class OutputAudioDone(ContentEvent, kw_only=True, tag="response.output_audio.done"):
    """The speech ends."""


class OutputAudioTranscriptDelta(
    ContentEvent, kw_only=True, tag="response.output_audio_transcript.delta"
):
    """More words of the speech."""

    delta: str


class OutputAudioTranscriptDone(
    ContentEvent, kw_only=True, tag="response.output_audio_transcript.done"
):
    """All words of the speech."""

    transcript: str


class FunctionCallArgumentsDelta(
    BaseServerEvent, kw_only=True, tag="response.function_call_arguments.delta"
):
    """More of a call's arguments."""

    response_id: str
    item_id: str
    output_index: int
    call_id: str
    delta: str


class FunctionCallArgumentsDone(
    BaseServerEvent, kw_only=True, tag="response.function_call_arguments.done"
):
    """A call's arguments are whole."""

    response_id: str
    item_id: str
    output_index: int
    call_id: str
    name: str
    arguments: str


# --- limits -------------------------------------------------------------------------------------


class RateLimit(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a limit is left, and in how many seconds all of it will be there again."""

    name: Literal["requests", "tokens"]
    limit: int
    remaining: int
    reset_seconds: float


class RateLimitsUpdated(BaseServerEvent, kw_only=True, tag="rate_limits.updated"):
    """The limits that an operator has set, as they stand after a response."""

    rate_limits: tuple[RateLimit, ...]


class RateLimitsAtStart(BaseServerEvent, kw_only=True, tag="rate_limits.at_start"):
    """The same as they stand when a response was created. The beta dialect tells it as its
    `rate_limits.updated`, in place of the later one, and GA not at all (protocol 5.1, 5.3)."""

    rate_limits: tuple[RateLimit, ...]


# --- our own ------------------------------------------------------------------------------------


class TurnMeasured(BaseServerEvent, kw_only=True, tag="vivavoce.turn.measured"):
    """The times of a response that has ended, for clients that have asked for them.

    Milliseconds after the last voiced sample or, where `endpoint_ms` is null because nobody spoke,
    after the request. What did not happen is null.
    """

    response_id: str
    item_id: str | None
    """The turn that was answered."""
    status: ResponseStatus
    drafted: bool
    """Whether the answer was begun in the pause before the endpoint."""
    endpoint_ms: float | None = None
    transcript_ms: float | None = None
    first_token_ms: float | None = None
    voice_ready_ms: float | None = None
    first_audio_ms: float | None = None
    last_audio_ms: float | None = None
    done_ms: float | None = None


OWN = (TurnMeasured,)
"""Sent in either dialect, and only to those who ask: other clients end their session on an event
that they do not know."""

ServerEvent = (
    Error
    | SessionCreated
    | SessionUpdated
    | ConversationItemAdded
    | ConversationItemDone
    | ConversationItemRetrieved
    | ConversationItemDeleted
    | ConversationItemTruncated
    | TranscriptionDelta
    | TranscriptionCompleted
    | TranscriptionFailed
    | InputAudioBufferCommitted
    | InputAudioBufferCleared
    | SpeechStarted
    | SpeechStopped
    | TimeoutTriggered
    | ResponseCreated
    | ResponseDone
    | OutputItemAdded
    | OutputItemDone
    | ContentPartAdded
    | ContentPartDone
    | OutputTextDelta
    | OutputTextDone
    | OutputAudioDelta
    | OutputAudioDone
    | OutputAudioTranscriptDelta
    | OutputAudioTranscriptDone
    | FunctionCallArgumentsDelta
    | FunctionCallArgumentsDone
    | McpListToolsInProgress
    | McpListToolsCompleted
    | McpListToolsFailed
    | McpCallArgumentsDelta
    | McpCallArgumentsDone
    | McpCallInProgress
    | McpCallCompleted
    | McpCallFailed
    | RateLimitsUpdated
    | RateLimitsAtStart
    | TurnMeasured
)
