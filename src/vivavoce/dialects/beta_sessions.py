"""Sessions and responses as beta shows them: flat, with the old names (protocol 2.7)."""

from collections.abc import Mapping

import msgspec
from msgspec import UNSET

from vivavoce.dialects.beta_fields import FORMATS, Json
from vivavoce.protocol.server_events import ResponseObject, Usage
from vivavoce.protocol.session_config import (
    AudioFormat,
    RealtimeSession,
    SemanticVad,
    SessionConfig,
    TranscriptionSession,
    TurnDetection,
)
from vivavoce.protocol.tools import ToolChoiceConfig, ToolChoiceFunction, ToolChoiceMcp
from vivavoce.protocol.voices import voice_name

FORMAT_NAMES: Mapping[type[AudioFormat], str] = {
    type(audio_format): name for name, audio_format in FORMATS.items()
}

DEFAULT_TEMPERATURE = 0.8
"""What the live service shows; the language model's own default applies until one is set."""


def shown_session(session: SessionConfig) -> Json:
    """The session object of this kind of session, its fields in the live service's order."""
    if isinstance(session, TranscriptionSession):
        return shown_transcription_session(session)
    return shown_realtime_session(session)


def shown_realtime_session(session: RealtimeSession) -> Json:
    """The session of `session.created` and `session.updated`."""
    listening, speaking = session.audio.input, session.audio.output
    return {
        "id": session.id,
        "object": session.object,
        "expires_at": session.expires_at,
        "input_audio_noise_reduction": msgspec.to_builtins(listening.noise_reduction),
        "turn_detection": shown_turn_detection(listening.turn_detection),
        "input_audio_format": shown_format(listening.format),
        "input_audio_transcription": msgspec.to_builtins(listening.transcription),
        "client_secret": None,
        "include": session.include,
        "model": session.model,
        "modalities": shown_modalities(session.output_modalities),
        "instructions": session.instructions,
        "voice": voice_name(speaking.voice),
        "output_audio_format": shown_format(speaking.format),
        "tool_choice": shown_tool_choice(session.tool_choice),
        "temperature": shown_temperature(session.temperature),
        "max_response_output_tokens": session.max_output_tokens,
        "speed": speaking.speed,
        "tracing": msgspec.to_builtins(session.tracing),
        "tools": [tool for tool in msgspec.to_builtins(session.tools) if is_function(tool)],
    }


def shown_transcription_session(session: TranscriptionSession) -> Json:
    """The session of `transcription_session.updated`."""
    listening = session.audio.input
    return {
        "id": session.id,
        "object": session.object,
        "expires_at": session.expires_at,
        "modalities": ["audio", "text"],
        "input_audio_format": shown_format(listening.format),
        "input_audio_transcription": msgspec.to_builtins(listening.transcription),
        "input_audio_noise_reduction": msgspec.to_builtins(listening.noise_reduction),
        "turn_detection": shown_turn_detection(listening.turn_detection),
        "include": session.include,
        "client_secret": None,
    }


def shown_response(response: ResponseObject, output: list[Json]) -> Json:
    """A response with the old names (protocol 2.7); `output` holds its items as beta shows them."""
    return {
        "object": response.object,
        "id": response.id,
        "status": response.status,
        "status_details": msgspec.to_builtins(response.status_details),
        "output": output,
        "conversation_id": response.conversation_id,
        "modalities": shown_modalities(response.output_modalities),
        "voice": voice_name(response.audio.output.voice),
        "output_audio_format": shown_format(response.audio.output.format),
        "temperature": shown_temperature(response.temperature),
        "max_output_tokens": response.max_output_tokens,
        "usage": shown_usage(response.usage),
        "metadata": response.metadata,
    }


def shown_usage(usage: Usage | None) -> Json | None:
    """The tokens; beta counts no images, and does not say what kind of input was cached."""
    if usage is None:
        return None
    shown: Json = msgspec.to_builtins(usage)
    given, made = shown["input_token_details"], shown["output_token_details"]
    kept = ("text_tokens", "audio_tokens")
    shown["input_token_details"] = {key: given[key] for key in (*kept, "cached_tokens")}
    shown["output_token_details"] = {key: made[key] for key in kept}
    return shown


def shown_turn_detection(value: TurnDetection | None) -> Json | None:
    """Turn detection without what came with GA."""
    if value is None:
        return None
    shown: Json = msgspec.to_builtins(value)
    shown.pop("model_version" if isinstance(value, SemanticVad) else "idle_timeout_ms", None)
    return shown


def shown_modalities(value: tuple[str, ...]) -> list[str]:
    """Speech comes with its transcript, which beta says in so many words."""
    return ["text"] if value == ("text",) else ["audio", "text"]


def shown_format(value: AudioFormat) -> str:
    """The beta name of a format."""
    return FORMAT_NAMES[type(value)]


def shown_tool_choice(value: ToolChoiceConfig) -> str:
    """A mode, or the name of the one function to call: the old types have a string here."""
    match value:
        case ToolChoiceFunction(name=name):
            return name
        case ToolChoiceMcp():
            return "required"
        case _:
            return value


def shown_temperature(value: float | msgspec.UnsetType) -> float:
    """The temperature, or the default."""
    return DEFAULT_TEMPERATURE if value is UNSET else value


def is_function(tool: Json) -> bool:
    """Whether it is a tool that beta knows."""
    return bool(tool["type"] == "function")
