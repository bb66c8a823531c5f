"""The fields of the beta dialect, flat, and what they mean to the machine (protocol 2.7).

One table says which flat field is which field of the machine. It is read for what a client sends
and for the paths in errors.
"""

from collections.abc import Mapping, Set
from typing import Annotated, Any

import msgspec

from vivavoce.protocol.errors import Refusal, invalid_value, refuse, unknown_parameter
from vivavoce.protocol.session_config import DEFAULT_FORMAT, AudioFormat, PcmaFormat, PcmuFormat
from vivavoce.protocol.validation import explain, wrong_type

Json = dict[str, Any]
Fields = Mapping[str, tuple[str, ...]]

LISTENING_FIELDS: Fields = {
    "input_audio_format": ("audio", "input", "format"),
    "input_audio_transcription": ("audio", "input", "transcription"),
    "input_audio_noise_reduction": ("audio", "input", "noise_reduction"),
    "turn_detection": ("audio", "input", "turn_detection"),
    "include": ("include",),
}

ANSWER_FIELDS: Fields = {
    "modalities": ("output_modalities",),
    "instructions": ("instructions",),
    "voice": ("audio", "output", "voice"),
    "output_audio_format": ("audio", "output", "format"),
    "tools": ("tools",),
    "tool_choice": ("tool_choice",),
    "temperature": ("temperature",),
    "max_response_output_tokens": ("max_output_tokens",),
}

SESSION_FIELDS: Fields = {
    **LISTENING_FIELDS,
    **ANSWER_FIELDS,
    "model": ("model",),
    "speed": ("audio", "output", "speed"),
    "tracing": ("tracing",),
}
"""The fields of `session.update`."""

TRANSCRIPTION_FIELDS: Fields = LISTENING_FIELDS
"""The fields of `transcription_session.update`."""

RESPONSE_FIELDS: Fields = {
    **ANSWER_FIELDS,
    "conversation": ("conversation",),
    "input": ("input",),
    "metadata": ("metadata",),
}
"""The fields of `response.create`."""

FORMATS: Mapping[str, AudioFormat] = {
    "pcm16": DEFAULT_FORMAT,
    "g711_ulaw": PcmuFormat(),
    "g711_alaw": PcmaFormat(),
}

Temperature = Annotated[float, msgspec.Meta(ge=0.6, le=1.2)]


def session_patch(flat: Json) -> Json:
    """The update that `session.update` means. Raises `Refusal`.

    `client_secret` is taken, as the old SDKs' types have it, and means nothing here.
    """
    return {"type": "realtime", **nested(flat, SESSION_FIELDS, "session", {"client_secret"})}


def transcription_patch(flat: Json) -> Json:
    """The update that `transcription_session.update` means. Raises `Refusal`.

    `client_secret` and `modalities` are taken, as the old SDKs' types have them, and mean nothing.
    """
    ignored = {"client_secret", "modalities"}
    return {"type": "transcription", **nested(flat, TRANSCRIPTION_FIELDS, "session", ignored)}


def response_params(flat: Json) -> Json:
    """The parameters that `response.create` means, its `input` as it came. Raises `Refusal`."""
    return nested(flat, RESPONSE_FIELDS, "response")


def nested(flat: Json, fields: Fields, path: str, ignored: Set[str] = frozenset()) -> Json:
    """The flat fields at their places, their values in the machine's terms."""
    placed: Json = {}
    for name, value in flat.items():
        if name in ignored:
            continue
        if name not in fields:
            raise unknown_parameter(f"{path}.{name}")
        *parents, last = fields[name]
        branch = placed
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[last] = given_value(name, value, f"{path}.{name}")
    return placed


def given_value(name: str, value: Any, path: str) -> Any:
    """A flat field's value in the machine's terms; what is the same in both is not looked at."""
    match name:
        case "modalities":
            return given_modalities(value, path)
        case "input_audio_format" | "output_audio_format":
            return msgspec.to_builtins(given_format(value, path))
        case "turn_detection" if isinstance(value, dict):
            return given_turn_detection(value, path)
        case "temperature":
            return given_temperature(value, path)
        case "tool_choice":
            return given_tool_choice(value, path)
        case "tools" if isinstance(value, list):
            return [given_tool(tool, f"{path}[{index}]") for index, tool in enumerate(value)]
        case _:
            return value


def given_modalities(value: Any, path: str) -> list[str]:
    """Beta says `audio` and `text` for what is spoken with its transcript, GA `audio`."""
    if not isinstance(value, list):
        raise wrong_type(value, "an array", path)
    for index, modality in enumerate(value):
        if modality not in ("text", "audio"):
            raise invalid_value(f"{path}[{index}]", str(modality), ("text", "audio"))
    match sorted(value):
        case ["audio", "text"]:
            return ["audio"]
        case ["text"]:
            return ["text"]
        case _:
            raise modalities_refused(value, path)


def modalities_refused(value: list[str], path: str) -> Refusal:
    """A combination that beta does not have."""
    supported = "['text'] and ['audio', 'text']"
    text = f"Invalid modalities: {value}. Supported combinations are: {supported}."
    return refuse("invalid_value", text, path)


def given_format(value: Any, path: str) -> AudioFormat:
    """The format that a beta name stands for (protocol 2.5)."""
    if not isinstance(value, str):
        raise wrong_type(value, "a string", path)
    if value not in FORMATS:
        raise invalid_value(path, value, FORMATS)
    return FORMATS[value]


def given_turn_detection(value: Json, path: str) -> Json | None:
    """`none` means null; what GA has more is not known (protocol 2.4)."""
    if value.get("type") == "none":
        return None
    if "idle_timeout_ms" in value:
        raise unknown_parameter(f"{path}.idle_timeout_ms")
    return value


def given_temperature(value: Any, path: str) -> float:
    """From 0.6 to 1.2 (protocol 2.7)."""
    try:
        temperature: float = msgspec.convert(value, Temperature)
    except msgspec.ValidationError as error:
        raise explain(value, Temperature, path, error) from error
    return temperature


def given_tool_choice(value: Any, path: str) -> Any:
    """A mode, a function's name, or either form of an object that names a function.

    Other objects came with GA.
    """
    match value:
        case "none" | "auto" | "required":
            return value
        case str(name):
            return {"type": "function", "name": name}
        case {"type": "function", "function": {"name": str(name)}}:
            return {"type": "function", "name": name}
        case {"type": str(kind)} if kind != "function":
            raise invalid_value(f"{path}.type", kind, ("function",))
        case _:
            return value


def given_tool(value: Any, path: str) -> Any:
    """A function; other tools came with GA. The old SDKs let its type be left out."""
    if not isinstance(value, dict):
        return value
    kind = value.get("type", "function")
    if kind != "function":
        raise invalid_value(f"{path}.type", str(kind), ("function",))
    return {"type": kind, **value}
