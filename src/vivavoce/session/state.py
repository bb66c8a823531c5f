"""What the parts of one session share: its settings, conversation, clock and outbox."""

import msgspec

from vivavoce.protocol.ids import Ids
from vivavoce.protocol.session_config import (
    RealtimeSession,
    SessionConfig,
    TranscriptionConfig,
)
from vivavoce.session.conversation import Conversation
from vivavoce.session.output_audio import Playback
from vivavoce.session.outputs import Outbox


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
    speculate: bool = True
    """Whether the pause before an endpoint is used to hear and to draft the answer."""


class State:
    """The part of a session that all of its machines read, and its one outbox.

    `now` is the time of the step under way, in seconds of a monotonic clock.
    """

    def __init__(
        self, config: SessionConfig, *, ids: Ids, limits: Limits, default_transcription: str
    ) -> None:
        self.config = config
        self.ids = ids
        self.limits = limits
        self.default_transcription = TranscriptionConfig(model=default_transcription)
        self.out = Outbox(ids)
        self.conversation = Conversation(ids.new("conv"))
        self.playback = Playback()
        self.now = 0.0

    @property
    def realtime(self) -> RealtimeSession | None:
        """The settings, if this session answers."""
        return self.config if isinstance(self.config, RealtimeSession) else None

    @property
    def transcription(self) -> TranscriptionConfig | None:
        """What the client wants of transcripts."""
        return self.config.audio.input.transcription
