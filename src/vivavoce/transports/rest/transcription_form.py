"""The fields of `POST /v1/audio/transcriptions`, checked: what can be honoured, and the rest
refused with the reason."""

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from vivavoce.engines.base import Hint
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.errors import (
    invalid_value,
    missing_parameter,
    refuse,
    unknown_parameter,
    unsupported,
)
from vivavoce.transports.rest.bodies import Form, converted

Format = Literal["json", "text", "srt", "verbose_json", "vtt"]
TIMED: frozenset[Format] = frozenset({"srt", "verbose_json", "vtt"})
"""Formats that say when something was said."""

LISTS = frozenset({"include", "keywords", "languages", "timestamp_granularities"})
"""Fields that may come more than once; clients write brackets behind their names."""

NUMBERS = frozenset({"temperature"})

TRUE, FALSE = frozenset({"true", "True", "1"}), frozenset({"false", "False", "0"})

REASONS = {
    "known_speaker_names": "Speakers are not told apart.",
    "known_speaker_references": "Speakers are not told apart.",
}
WORDS = "No engine here says when each word was said; 'segment' is supported."
DIARIZED = "Speakers are not told apart."
CHUNKING = "Only 'auto' is supported; long recordings are cut in pauses in any case."
STREAMED = "A stream gives the text alone: use the format 'json' or 'text' with it."

Language = Annotated[str, Meta(pattern="^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$")]


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields as they came."""

    model: str
    response_format: Format = "json"
    language: Language | None = None
    languages: tuple[Language, ...] = ()
    prompt: str | None = None
    keywords: tuple[str, ...] = ()
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    stream: bool = False
    include: tuple[Literal["logprobs"], ...] = ()
    timestamp_granularities: tuple[Literal["word", "segment"], ...] = ()
    chunking_strategy: str | None = None


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """What is asked of which recording."""

    fields: Fields
    file: bytes

    @property
    def timed(self) -> bool:
        """Whether the answer says when something was said."""
        return self.fields.response_format in TIMED

    def hint(self, abilities: HearingAbilities, language: str | None) -> Hint:
        """What is said about the speech; `language` is the model's own.

        Raises `Refusal` for what the recogniser does not take.
        """
        fields = self.fields
        asked = {
            "languages": (fields.languages, abilities.languages),
            "keywords": (fields.keywords, abilities.keywords),
            "include": (fields.include, abilities.logprobs),
        }
        for name, (wanted, able) in asked.items():
            if wanted and not able:
                raise unsupported(name, "the recogniser of this model does not have it.")
        known = fields.language or (None if fields.languages else language)
        return Hint(
            language=known,
            languages=fields.languages,
            prompt=fields.prompt or None,
            keywords=fields.keywords,
            logprobs=bool(fields.include),
            temperature=fields.temperature,
        )


def transcription_request(form: Form) -> TranscriptionRequest:
    """The request that a form makes. Raises `Refusal`."""
    raw: dict[str, object] = {}
    for written, value in form.fields:
        name = written.removesuffix("[]")
        if name not in Fields.__struct_fields__:
            raise refused(name)
        if name in LISTS:
            values = raw.setdefault(name, [])
            assert isinstance(values, list)
            values.append(value)
        else:
            raw[name] = typed(name, value)
    if raw.get("response_format") == "diarized_json":
        raise unsupported("response_format", DIARIZED)
    fields = converted(raw, Fields)
    check(fields)
    if not form.file:
        raise refuse("invalid_file", "The file is empty.", "file")
    return TranscriptionRequest(fields, form.file)


def typed(name: str, value: str) -> object:
    """A field's text as what it stands for. Raises `Refusal`."""
    if name in NUMBERS:
        try:
            return float(value)
        except ValueError:
            raise refuse("invalid_type", f"'{name}' is a number.", name) from None
    if name == "stream":
        if value not in TRUE | FALSE:
            raise invalid_value(name, value, ("true", "false"))
        return value in TRUE
    return value


def check(fields: Fields) -> None:
    """Raises `Refusal` for what fits its type and cannot be had."""
    if not fields.model:
        raise missing_parameter("model")
    if "word" in fields.timestamp_granularities:
        raise unsupported("timestamp_granularities", WORDS)
    if fields.timestamp_granularities and fields.response_format != "verbose_json":
        text = "it needs the response_format 'verbose_json'."
        raise unsupported("timestamp_granularities", text)
    if fields.chunking_strategy not in (None, "auto"):
        raise unsupported("chunking_strategy", CHUNKING)
    if fields.include and fields.response_format != "json":
        raise unsupported("include", "log probabilities need the response_format 'json'.")
    if fields.stream and fields.response_format in TIMED:
        raise unsupported("stream", STREAMED)


def refused(name: str) -> Exception:
    """The refusal of a field that is not taken."""
    reason = REASONS.get(name)
    return unknown_parameter(name) if reason is None else unsupported(name, reason)
