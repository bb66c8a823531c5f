"""The session object: its fields, defaults, and how an update is merged into it (protocol 2).

A session's settings are one immutable value. `merge` gives the next value or raises a `Refusal`,
so that an update is applied whole or not at all. The order of the fields is the order in which
the live service echoes them.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.errors import (
    missing_parameter,
    refuse,
    unknown_parameter,
    unsupported,
)
from vivavoce.protocol.sizes import check_size, is_too_deep, too_deep
from vivavoce.protocol.tools import (
    AnyTool,
    ToolChoiceConfig,
    check_tools,
    echoed_tools,
    with_known_servers,
)
from vivavoce.protocol.validation import explain

MODEL_RATE = 24_000
"""Hertz: the only rate that GA requires of `audio/pcm`; higher ones are converted."""

Eagerness = Literal["low", "medium", "high", "auto"]
SEMANTIC_CEILING_MS: dict[Eagerness, int] = {
    "low": 8000,
    "medium": 4000,
    "auto": 4000,
    "high": 2000,
}
"""The longest silence that `semantic_vad` waits for (protocol 2.4)."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the session object."""


class Tagged(Config, frozen=True, kw_only=True, tag_field="type"):
    """A part of the session object that is told apart by its `type`."""


# --- audio formats (protocol 2.5) ---------------------------------------------------------------


class PcmFormat(Tagged, frozen=True, kw_only=True, tag="audio/pcm"):
    """Signed 16-bit little-endian mono. `rate` in hertz, at least 24,000."""

    rate: Annotated[int, Meta(ge=MODEL_RATE, le=96_000)]


class PcmuFormat(Tagged, frozen=True, kw_only=True, tag="audio/pcmu"):
    """G.711 mu-law, 8 kHz."""


class PcmaFormat(Tagged, frozen=True, kw_only=True, tag="audio/pcma"):
    """G.711 A-law, 8 kHz."""


AudioFormat = PcmFormat | PcmuFormat | PcmaFormat
DEFAULT_FORMAT = PcmFormat(rate=MODEL_RATE)


def bytes_per_second(audio_format: AudioFormat) -> int:
    """How many bytes a second of audio has in this format."""
    return 2 * audio_format.rate if isinstance(audio_format, PcmFormat) else 8000


# --- hearing ------------------------------------------------------------------------------------


class TranscriptionConfig(Config, frozen=True, kw_only=True):
    """What the client wants of the transcription of its audio (protocol 2.3).

    An empty `model` takes the default recogniser's name. The last three are refused by name where
    the recogniser does not have them.
    """

    model: str = ""
    language: str | None = None
    prompt: str | None = None
    languages: tuple[str, ...] | None | UnsetType = UNSET
    keywords: tuple[str, ...] | None | UnsetType = UNSET
    delay: Literal["minimal", "low", "medium", "high", "xhigh"] | None | UnsetType = UNSET


class NoiseReduction(Tagged, frozen=True, kw_only=True, tag="near_field"):
    """Noise reduction for a close microphone."""


class FarFieldNoiseReduction(Tagged, frozen=True, kw_only=True, tag="far_field"):
    """Noise reduction for a microphone in the room."""


NoiseReductionKind = Literal["near_field", "far_field"]


def noise_reduction_kind(
    config: NoiseReduction | FarFieldNoiseReduction | None,
) -> NoiseReductionKind | None:
    """Which noise reduction is wanted, if one is."""
    match config:
        case NoiseReduction():
            return "near_field"
        case FarFieldNoiseReduction():
            return "far_field"
        case None:
            return None


class ServerVad(Tagged, frozen=True, kw_only=True, tag="server_vad"):
    """A turn ends after `silence_duration_ms` of silence (protocol 2.4)."""

    threshold: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5
    prefix_padding_ms: Annotated[int, Meta(ge=0, le=10_000)] = 300
    silence_duration_ms: Annotated[int, Meta(ge=0, le=60_000)] = 500
    idle_timeout_ms: Annotated[int, Meta(ge=5000, le=30_000)] | None = None
    create_response: bool = True
    interrupt_response: bool = True


class SemanticVad(Tagged, frozen=True, kw_only=True, tag="semantic_vad"):
    """A turn ends when its words are complete, or after the ceiling of `eagerness`."""

    eagerness: Eagerness = "auto"
    create_response: bool = True
    interrupt_response: bool = True
    model_version: str | UnsetType = UNSET


class TranscriptionServerVad(Tagged, frozen=True, kw_only=True, tag="server_vad"):
    """`server_vad` of a transcription session, which has no responses (protocol 2.2)."""

    threshold: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5
    prefix_padding_ms: Annotated[int, Meta(ge=0, le=10_000)] = 300
    silence_duration_ms: Annotated[int, Meta(ge=0, le=60_000)] = 500


class TranscriptionSemanticVad(Tagged, frozen=True, kw_only=True, tag="semantic_vad"):
    """`semantic_vad` of a transcription session."""

    eagerness: Eagerness = "auto"


TurnDetection = ServerVad | SemanticVad | TranscriptionServerVad | TranscriptionSemanticVad


# --- the rest -----------------------------------------------------------------------------------


class TokenLimits(Config, frozen=True, kw_only=True):
    """`post_instructions`: the most tokens of the conversation, without instructions and tools."""

    post_instructions: Annotated[int, Meta(ge=0)] | None | UnsetType = UNSET


class RetentionRatio(Tagged, frozen=True, kw_only=True, tag="retention_ratio"):
    """Drops more than needed when the context is full, so that caches stay valid longer."""

    retention_ratio: Annotated[float, Meta(ge=0.0, le=1.0)]
    token_limits: TokenLimits | None | UnsetType = UNSET


Truncation = Literal["auto", "disabled"] | RetentionRatio


class TracingConfig(Config, frozen=True, kw_only=True):
    """Names for traces in OpenAI's own dashboard; accepted because known clients send it."""

    workflow_name: str | UnsetType = UNSET
    group_id: str | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET


class ReasoningConfig(Config, frozen=True, kw_only=True):
    """How long a reasoning model may think."""

    effort: Literal["minimal", "low", "medium", "high", "xhigh"]


class PromptTemplate(Config, frozen=True, kw_only=True):
    """A prompt stored with OpenAI."""

    id: str
    version: str | None = None
    variables: dict[str, Any] | None = None


class VoiceId(Config, frozen=True, kw_only=True):
    """A voice by its id."""

    id: str


VoiceName = str | VoiceId
OutputModalities = tuple[Literal["text", "audio"], ...]
MaxOutputTokens = Annotated[int, Meta(ge=1, le=4096)] | Literal["inf"]
Include = tuple[Literal["item.input_audio_transcription.logprobs"], ...]


class AudioInput(Config, frozen=True, kw_only=True):
    """`session.audio.input`."""

    format: AudioFormat = DEFAULT_FORMAT
    transcription: TranscriptionConfig | None = None
    noise_reduction: NoiseReduction | FarFieldNoiseReduction | None = None
    turn_detection: ServerVad | SemanticVad | None = ServerVad()


class AudioOutput(Config, frozen=True, kw_only=True):
    """`session.audio.output`. `speed` is the pace of the voice, 1.0 is normal."""

    format: AudioFormat = DEFAULT_FORMAT
    voice: VoiceName = "alloy"
    speed: Annotated[float, Meta(ge=0.25, le=1.5)] = 1.0


class Audio(Config, frozen=True, kw_only=True):
    """`session.audio`."""

    input: AudioInput = AudioInput()
    output: AudioOutput = AudioOutput()


class ResponseAudioOutput(Config, frozen=True, kw_only=True):
    """`response.audio.output`: what one response does otherwise."""

    format: AudioFormat | UnsetType = UNSET
    voice: VoiceName | UnsetType = UNSET


class ResponseAudio(Config, frozen=True, kw_only=True):
    """`response.audio` of `response.create`."""

    output: ResponseAudioOutput = ResponseAudioOutput()


class RealtimeSession(Tagged, frozen=True, kw_only=True, tag="realtime"):
    """A session that answers (protocol 2.1). `expires_at` in Unix seconds."""

    object: Literal["realtime.session"] = "realtime.session"
    id: str = ""
    model: str = ""
    output_modalities: OutputModalities = ("audio",)
    instructions: str = ""
    tools: tuple[AnyTool, ...] = ()
    tool_choice: ToolChoiceConfig = "auto"
    max_output_tokens: MaxOutputTokens = "inf"
    tracing: Literal["auto"] | TracingConfig | None = None
    truncation: Truncation = "auto"
    prompt: PromptTemplate | None = None
    expires_at: int = 0
    audio: Audio = Audio()
    include: Include | None = None
    reasoning: ReasoningConfig | None | UnsetType = UNSET
    parallel_tool_calls: bool | None | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    """A field of the beta dialect; the GA dialect neither takes nor shows it (protocol 2.7)."""

    def echoed(self) -> "RealtimeSession":
        """As `session.created` and `session.updated` show it: without the input-only fields, and
        without the credentials of MCP servers."""
        tools = echoed_tools(self.tools)
        return msgspec.structs.replace(
            self, tools=tools, reasoning=UNSET, parallel_tool_calls=UNSET
        )


class TranscriptionAudioInput(Config, frozen=True, kw_only=True):
    """`session.audio.input` of a transcription session."""

    format: AudioFormat = DEFAULT_FORMAT
    transcription: TranscriptionConfig | None = None
    noise_reduction: NoiseReduction | FarFieldNoiseReduction | None = None
    turn_detection: TranscriptionServerVad | TranscriptionSemanticVad | None = (
        TranscriptionServerVad()
    )


class TranscriptionAudio(Config, frozen=True, kw_only=True):
    """`session.audio` of a transcription session."""

    input: TranscriptionAudioInput = TranscriptionAudioInput()


class TranscriptionSession(Tagged, frozen=True, kw_only=True, tag="transcription"):
    """A session that only writes down what it hears (protocol 2.2)."""

    object: Literal["realtime.transcription_session"] = "realtime.transcription_session"
    id: str = ""
    expires_at: int = 0
    audio: TranscriptionAudio = TranscriptionAudio()
    include: Include | None = None

    def echoed(self) -> "TranscriptionSession":
        """As the server shows it."""
        return self


SessionConfig = RealtimeSession | TranscriptionSession

PLAIN = HearingAbilities()
"""What is sure of any recogniser."""

READ_ONLY = frozenset({"object", "id", "expires_at"})
CLEARED_BY_NULL = frozenset(
    {"instructions", "tools", "tool_choice", "max_output_tokens", "truncation"}
)
"""What null sets to its default; for everything else null is a value, or no value at all."""

MERGED = frozenset({"audio", "input", "output", "transcription", "turn_detection"})
"""The objects whose keys are merged one by one; every other value is replaced whole."""


def merge(
    session: SessionConfig, patch: dict[str, Any], abilities: HearingAbilities = PLAIN
) -> SessionConfig:
    """The session after an update: keys present are set, null clears, absent keys stay.

    `abilities` are those of the session's recogniser. Raises `Refusal` naming the first field at
    fault; the session is a value, so nothing was changed then (protocol 2.1).
    """
    if is_too_deep(patch):
        raise too_deep()
    check_type(session, patch)
    for key in patch:
        if key in READ_ONLY:
            raise unknown_parameter(f"session.{key}")
    merged = overlay(msgspec.to_builtins(session), patch)
    try:
        updated: SessionConfig = msgspec.convert(merged, type(session))
    except msgspec.ValidationError as error:
        raise explain(merged, type(session), "session", error) from error
    if isinstance(session, RealtimeSession) and isinstance(updated, RealtimeSession):
        tools = with_known_servers(updated.tools, session.tools, "session.tools")
        updated = msgspec.structs.replace(updated, tools=tools)
    check_meaning(session, updated, abilities)
    return updated


def check_type(session: SessionConfig, patch: dict[str, Any]) -> None:
    """GA requires `session.type`, and it never changes (protocol 2.1, 2.2)."""
    kind = session.__struct_config__.tag
    if "type" not in patch:
        raise missing_parameter("session.type")
    if patch["type"] == kind:
        return
    if patch["type"] in ("realtime", "transcription"):
        text = f"Passing a {patch['type']} session update event to a {kind} session is not allowed."
        raise refuse("invalid_parameter", text)
    raise explain({"type": patch["type"]}, type(session), "session", None)


def overlay(current: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """`patch` laid over `current`, deeply for the keys in `MERGED`."""
    merged = dict(current)
    for key, value in patch.items():
        if value is None and key in CLEARED_BY_NULL:
            merged.pop(key, None)
            continue
        old = merged.get(key)
        same_kind = (
            key in MERGED
            and isinstance(old, dict)
            and isinstance(value, dict)
            and value.get("type", old.get("type")) == old.get("type")
        )
        merged[key] = overlay(old, value) if same_kind else value  # type: ignore[arg-type]
    return merged


def check_meaning(old: SessionConfig, new: SessionConfig, abilities: HearingAbilities) -> None:
    """Raises `Refusal` for what the types allow and the protocol or this server does not."""
    check_size(new, "session")
    check_transcription(new.audio.input.transcription, abilities)
    if new.audio.input.noise_reduction is not None and not abilities.reduces_noise:
        raise unsupported(
            "session.audio.input.noise_reduction",
            "this model has no noise reduction; its operator may add `noise: webrtc`, which "
            "needs pip install 'vivavoce[noise]' and Linux. Leave it null.",
        )
    if new.include and not abilities.logprobs:
        raise unsupported(
            "session.include", "the speech recogniser of this model gives no log probabilities."
        )
    if isinstance(old, RealtimeSession) and isinstance(new, RealtimeSession):
        check_realtime(old, new)


def check_transcription(wanted: TranscriptionConfig | None, abilities: HearingAbilities) -> None:
    """Raises `Refusal` for what the recogniser does not have; no recogniser has `delay`."""
    for field in ("languages", "keywords", "delay"):
        if wanted is None or getattr(abilities, field, False):
            continue
        if getattr(wanted, field) not in (None, UNSET):
            raise unsupported(
                f"session.audio.input.transcription.{field}",
                "the speech recogniser of this model has no such setting.",
            )


def check_realtime(old: RealtimeSession, new: RealtimeSession) -> None:
    """The part of `check_meaning` that concerns answers."""
    if new.model != old.model:
        raise refuse("invalid_value", "The model of a session cannot be changed.", "session.model")
    check_prompt_template("session", new.prompt)
    if new.tracing != old.tracing and old.tracing is not None:
        raise refuse(
            "invalid_value", "Tracing cannot be changed once it is set.", "session.tracing"
        )
    check_output("session", new.output_modalities, new.tools, new.tool_choice)


def check_prompt_template(path: str, prompt: PromptTemplate | None) -> None:
    """Raises `Refusal` for a prompt that is stored elsewhere."""
    if prompt is not None:
        raise unsupported(f"{path}.prompt", "stored prompts live with OpenAI; send instructions.")


def check_output(
    path: str,
    modalities: OutputModalities,
    tools: tuple[AnyTool, ...],
    choice: ToolChoiceConfig,
) -> None:
    """What holds for a session and for one response alike; `path` is where the fields stand."""
    if len(modalities) != 1:
        given = ", ".join(modalities)
        raise refuse(
            "invalid_value",
            f"Invalid value: '{given}'. Supported combinations are: ['text'] and ['audio'].",
            f"{path}.output_modalities",
        )
    check_tools(path, tools, choice)
