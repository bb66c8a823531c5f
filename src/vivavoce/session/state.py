"""What the parts of one session share: its settings, conversation, clock and outbox."""

from typing import Any

import msgspec

from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.items import McpListedTool
from vivavoce.protocol.prompt import Prompt
from vivavoce.protocol.session_config import (
    RealtimeSession,
    SessionConfig,
    TranscriptionConfig,
    VoiceName,
)
from vivavoce.protocol.tools import ToolServer
from vivavoce.protocol.voices import Voices
from vivavoce.session.barge_in_policy import BargeInPolicy
from vivavoce.session.context import build_prompt
from vivavoce.session.conversation import Conversation, Entry, Text
from vivavoce.session.heard_again import with_recent_speech
from vivavoce.session.idle_clock import IdleClock
from vivavoce.session.output_audio import Playback
from vivavoce.session.outputs import Outbox
from vivavoce.session.own_speech import SpokenAloud
from vivavoce.session.rate_limits import RateLimits, RateLimitSettings
from vivavoce.session.response_plan import ResponsePlan
from vivavoce.session.speculation import Load, Speculation, Work, includes, under
from vivavoce.session.truncation import Fitting, Overflow, fit

FOLLOWED = "auto"
"""The language of a model whose voice follows what is heard."""


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
    speculate: Speculation = "speak"
    """What is done in the pause before an endpoint."""
    barge_in: BargeInPolicy = BargeInPolicy()
    """Which speech over an answer interrupts it; by default all of it."""
    hears_again_ms: int = 60_000
    """How much of what a user has said a model that hears is given with each answer; what was
    said before that, it reads. The newest turn is always given."""
    language: str | None = None
    """What is spoken, where the client does not say, as a tag: `de`. `auto` answers in the
    language that was heard; None leaves it to the recogniser and to the voice."""


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
        abilities: HearingAbilities,
        voices: Voices | None,
        now: float,
    ) -> None:
        self.config = config
        self.ids = ids
        self.limits = limits
        self.abilities = abilities
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
        self.aloud = SpokenAloud()
        self.idle = IdleClock(self.playback)
        self.rate_limits = RateLimits(limits.rate_limits, now)
        self.listed: dict[ToolServer, tuple[McpListedTool, ...]] = {}
        """The tools of MCP servers; `tool_listings` is the one writer."""
        self.tokens_per_estimate = 1.0
        """How many tokens the model counts for each one that we estimate."""
        self.load: Load = "normal"
        self.measured_to: list[int] = []
        """The peers that are told how long each response took."""
        self.now = now

    def fit(self, entries: tuple[Entry, ...], plan: ResponsePlan) -> Fitting | Overflow:
        """What of `entries` fits into the model's context."""
        limit = self.limits.context_tokens
        recent = with_recent_speech(entries, self.limits.hears_again_ms)
        return fit(recent, plan, context_tokens=limit, scale=self.tokens_per_estimate)

    def prompt(self, plan: ResponsePlan, entries: tuple[Entry, ...]) -> Prompt:
        """What the language model is asked."""
        language = self.spoken_language(entries)
        return build_prompt(plan, entries, speaks=self.abilities.speaks, language=language)

    def spoken_language(self, entries: tuple[Entry, ...]) -> str | None:
        """The language that the voice is to speak, in answer to `entries`."""
        if self.limits.language != FOLLOWED:
            return self.limits.language
        if self.hears:
            return None  # a transcript that comes beside the answer must not change it
        heard = (e.heard.language for e in reversed(entries) if isinstance(e.heard, Text))
        return next((language for language in heard if language), None)

    def check_voice(self, voice: VoiceName, param: str) -> None:
        """Raises `Refusal` for a voice that is known not to be there."""
        if self.voices is not None:
            self.voices.check(voice, param)

    def may_try(self, work: Work) -> bool:
        """Whether this may be begun now, in a pause of which it is not known that it ends the
        turn."""
        return includes(under(self.limits.speculate, self.load), work)

    @property
    def realtime(self) -> RealtimeSession | None:
        """The settings, if this session answers."""
        return self.config if isinstance(self.config, RealtimeSession) else None

    @property
    def hears(self) -> bool:
        """Whether the model of this session is given the user's speech itself."""
        return self.abilities.hears and self.realtime is not None

    @property
    def wants_words(self) -> bool:
        """Whether anybody reads what the user says: the model, the client or a barge-in policy."""
        return not self.hears or self.transcription is not None or self.limits.barge_in.reads

    @property
    def transcription(self) -> TranscriptionConfig | None:
        """What the client wants of transcripts."""
        return self.config.audio.input.transcription

    def hearing_wishes(self) -> dict[str, Any]:
        """The fields of a `Recognize` that the client decides, and else the model."""
        wanted, fixed = self.transcription, self.limits.language
        usual = None if fixed == FOLLOWED else fixed
        if wanted is None:
            return {"language": usual}
        usual = None if wanted.languages else usual
        return {
            "model": wanted.model,
            "language": wanted.language or usual,
            "languages": wanted.languages or (),
            "prompt": wanted.prompt,
            "keywords": wanted.keywords or (),
            "logprobs": bool(self.config.include),
        }
