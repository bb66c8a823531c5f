"""How a session of a model begins: the protocol's defaults, the server's, and the model's."""

from typing import Any

import msgspec

from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.session_config import (
    RealtimeSession,
    TranscriptionAudioInput,
    TranscriptionSemanticVad,
    TranscriptionServerVad,
    TranscriptionSession,
    merge,
)
from vivavoce.runtime.catalogue import ModelPlan


def realtime_session(
    model: str, plan: ModelPlan, instructions: str, abilities: HearingAbilities
) -> RealtimeSession:
    """A session that answers, under the name that the client has used.

    Raises `Refusal` for defaults that this server does not take.
    """
    session = RealtimeSession(model=model, instructions=instructions)
    merged = merge(session, {"type": "realtime", **plan.defaults}, abilities)
    assert isinstance(merged, RealtimeSession)
    return merged


def transcription_session(plan: ModelPlan, abilities: HearingAbilities) -> TranscriptionSession:
    """A session that only writes down: of the model's defaults, what is said about hearing.

    Raises `Refusal` for defaults that this server does not take.
    """
    given = plan.defaults.get("audio", {}).get("input", {})
    patch = {"type": "transcription", "audio": {"input": hearing_only(given)}}
    merged = merge(TranscriptionSession(), patch, abilities)
    assert isinstance(merged, TranscriptionSession)
    return merged


def hearing_only(audio_input: dict[str, Any]) -> dict[str, Any]:
    """`audio.input` without what only sessions have that answer, such as `create_response`."""
    known = only_known(audio_input, TranscriptionAudioInput)
    detection = known.get("turn_detection")
    if isinstance(detection, dict):
        semantic = detection.get("type") == "semantic_vad"
        kind = TranscriptionSemanticVad if semantic else TranscriptionServerVad
        kept = only_known(detection, kind)
        known["turn_detection"] = {**kept, "type": detection.get("type", "server_vad")}
    return known


def only_known(given: dict[str, Any], kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Without the keys that a struct does not have."""
    return {key: value for key, value in given.items() if key in kind.__struct_fields__}
