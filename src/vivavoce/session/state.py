"""What the parts of one session share: its settings, conversation, clock and outbox."""

import msgspec

from vivavoce.protocol.ids import Ids
from vivavoce.protocol.items import McpListedTool
from vivavoce.protocol.session_config import (
    RealtimeSession,
    SessionConfig,
    TranscriptionConfig,
    VoiceName,
)
from vivavoce.protocol.tools import ToolServer
from vivavoce.protocol.voices import Voices
from vivavoce.session.conversation import Conversation, Entry
from vivavoce.session.idle_clock import IdleClock
from vivavoce.session.output_audio import Playback
from vivavoce.session.outputs import Outbox
from vivavoce.session.rate_limits import RateLimits, RateLimitSettings
from vivavoce.session.response_plan import ResponsePlan
from vivavoce.session.truncation import Fitting, Overflow, fit


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What an operator may set for every session of a model."""

    lifetime_s: float | None = 3600.0
    """Seconds until the session is closed; None for never."""
    max_turn_ms: int = 60_000
    """A turn is endpointed after this long, because a television never stops."""
    max_buffer_ms: int = 600_000
    """Uncommitted audio beyond this is trimmed, oldest first."""
    max_lead_ms: int = 10_000
    """Speech is sent at most this far ahead of playing, so that a barge-in finds some to stop."""
    context_tokens: int = 28_224
    """The most tokens that the language model is sent (protocol 7); the default is what
    gpt-realtime takes."""
    max_items: int = 10_000
    """Items of a conversation, ..."""
    max_conversation_size: int = 64 * 2**20
    """... and the characters of all their texts and pictures."""
    rate_limits: RateLimitSettings = RateLimitSettings()
    """How much one session may ask for."""
    speculate: bool = True
    """Whether the pause before an endpoint is used to hear and to draft the answer."""


class State:
    """The part of a session that all of its machines read, and its one outbox.

    `now` is the time of the step under way, in seconds of a monotonic clock.
    """

    def __init__(
        self,
        config: SessionConfig,
        *,
        ids: Ids,
        limits: Limits,
        default_transcription: str,
        voices: Voices | None,
        now: float,
    ) -> None:
        self.config = config
        self.ids = ids
        self.limits = limits
        self.default_transcription = default_transcription
        """What the recogniser is called, where a client names none."""
        self.voices = voices
        """Those that there are, where that is known."""
        self.out = Outbox(ids)
        self.conversation = Conversation(
            ids.new("conv"),
            max_items=limits.max_items,
            max_size=limits.max_conversation_size,
        )
        self.playback = Playback()
        self.idle = IdleClock(self.playback)
        self.rate_limits = RateLimits(limits.rate_limits, now)
        self.listed: dict[ToolServer, tuple[McpListedTool, ...]] = {}
        """The tools of MCP servers; `tool_listings` is the one writer."""
        self.tokens_per_estimate = 1.0
        """How many tokens the model counts for each one that we estimate."""
        self.now = now

    def fit(self, entries: tuple[Entry, ...], plan: ResponsePlan) -> Fitting | Overflow:
        """What of `entries` fits into the model's context."""
        limit = self.limits.context_tokens
        return fit(entries, plan, context_tokens=limit, scale=self.tokens_per_estimate)

    def check_voice(self, voice: VoiceName, param: str) -> None:
        """Raises `Refusal` for a voice that is known not to be there."""
        if self.voices is not None:
            self.voices.check(voice, param)

    @property
    def realtime(self) -> RealtimeSession | None:
        """The settings, if this session answers."""
        return self.config if isinstance(self.config, RealtimeSession) else None

    @property
    def transcription(self) -> TranscriptionConfig | None:
        """What the client wants of transcripts."""
        return self.config.audio.input.transcription
