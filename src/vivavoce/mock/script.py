"""The script of a mock: a reply script, and what is heard, how speech is timed, what goes wrong.

Its keys `rules`, `delay_ms` and `token_ms` are those of a reply script (`docs/reply-scripts.md`),
the others are described in `docs/mock.md`. Without `rules` the built-in conversation is used.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from vivavoce.config import ConfigError
from vivavoce.engines.llm.reply_rules import ReplyScript
from vivavoce.engines.llm.reply_script import ReplyScriptError, compile_reply_script, read_yaml
from vivavoce.engines.llm.scripted import DEFAULT_SCRIPT, default_script_text, read_text
from vivavoce.mock.faults import Fault

Pace = Literal["instant", "real"]

Milliseconds = Annotated[float, Meta(ge=0, le=600_000)]

REAL_PACE = {"delay_ms": 300, "token_ms": 40}
"""How a language model answers where the script does not say: first word, and from word to word."""

REAL_HEARING_MS = 150
"""How long recognition takes, likewise."""

REAL_VOICE_DELAY_MS = 100
"""How long a clause's speech takes to begin, likewise."""


class VoiceTiming(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How speech is timed, in milliseconds."""

    ms_per_char: Annotated[float, Meta(gt=0, le=10_000)] = 60
    delay_ms: Milliseconds | None = None


class Extras(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the script of a mock has beside a reply script."""

    hears: str | Annotated[list[str | None], Meta(min_length=1)] = "{ms} milliseconds of speech"
    hear_ms: Milliseconds | None = None
    voice: VoiceTiming = VoiceTiming()
    speech_to_speech: bool = False
    faults: tuple[Any, ...] = ()
    """As they are written, so that a mistake in one names that one."""


class MockScript(msgspec.Struct, frozen=True, kw_only=True):
    """A script that was read; times are milliseconds."""

    replies: ReplyScript
    hears: str | list[str | None]
    hear_ms: float
    voice_ms_per_char: float
    voice_delay_ms: float
    speech_to_speech: bool
    """Whether the model hears and speaks by itself."""
    faults: tuple[Fault, ...]


def read_mock_script(path: Path | None, pace: Pace) -> MockScript:
    """Read a script, or with None the built-in one. Raises `ConfigError`."""
    try:
        if path is None:
            return parse_mock_script("", DEFAULT_SCRIPT, pace)
        return parse_mock_script(read_text(path), str(path), pace)
    except ReplyScriptError as error:
        raise ConfigError(str(error)) from error


def parse_mock_script(text: str, source: str, pace: Pace) -> MockScript:
    """Read the YAML of a script; `source` is the file's name for messages.

    Raises `ConfigError` or `ReplyScriptError`.
    """
    written = read_yaml(text, source)
    content = {} if written is None else written
    if not isinstance(content, dict):
        raise ConfigError(f"{source}: expected keys such as `rules`, `hears` and `faults`.")
    names = {field.name for field in msgspec.structs.fields(Extras)}
    extras = checked({key: content[key] for key in names & content.keys()}, Extras, source)
    faults = tuple(
        checked(fault, Fault, f"{source}: fault {number}")
        for number, fault in enumerate(extras.faults, start=1)
    )
    replies = {key: value for key, value in content.items() if key not in names}
    real = pace == "real"
    return MockScript(
        replies=compiled_replies(replies, source, pace),
        hears=extras.hears,
        hear_ms=either(extras.hear_ms, REAL_HEARING_MS if real else 0),
        voice_ms_per_char=extras.voice.ms_per_char,
        voice_delay_ms=either(extras.voice.delay_ms, REAL_VOICE_DELAY_MS if real else 0),
        speech_to_speech=extras.speech_to_speech,
        faults=faults,
    )


def compiled_replies(content: dict[str, Any], source: str, pace: Pace) -> ReplyScript:
    """The reply script; rules and times that are not given are added."""
    if "rules" not in content:
        content = read_yaml(default_script_text(), DEFAULT_SCRIPT) | content
    return compile_reply_script((REAL_PACE if pace == "real" else {}) | content, source)


def checked(written: Any, kind: type[Any], place: str) -> Any:
    """What is written, as a value of this kind. Raises `ConfigError` that names the place."""
    try:
        return msgspec.convert(written, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{place}: {error}") from error


def either(given: float | None, otherwise: float) -> float:
    """What was given, if anything was."""
    return otherwise if given is None else given
