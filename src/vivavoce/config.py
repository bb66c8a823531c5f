"""The server's settings: one frozen value, from a YAML file, the environment and options.

Options win over the environment, and that over the file; `cli` reads the first two.
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta

EngineSpec = str | dict[str, Any]
"""An engine: `NAME`, `NAME:ARGUMENT`, or a mapping of `engine: NAME` and the engine's options."""

Seconds = Annotated[float, Meta(gt=0)]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator can set. The keys of the configuration file are these names.

    `vad`, `stt`, `llm` and `tts` name engines; a language model may also be the URL of an
    OpenAI-compatible server, `http://localhost:11434/v1#qwen3`. None takes the built-in engine.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8080
    vad: EngineSpec | None = None
    stt: EngineSpec | None = None
    llm: EngineSpec | None = None
    tts: EngineSpec | None = None
    llm_api_key: str | None = None
    llm_temperature: float | None = None
    llm_extra_body: dict[str, Any] = {}
    instructions: str = ""
    max_sessions: Annotated[int, Meta(ge=1)] = 1000
    session_minutes: Seconds | None = 60.0
    max_turn_seconds: Seconds = 60.0
    retain_audio: Annotated[float, Meta(ge=0)] | Literal["all", "none"] = 60.0
    speculate: bool = True
    trace: str | None = None

    def __repr__(self) -> str:
        """Without the key."""
        shown = msgspec.structs.asdict(self) | {"llm_api_key": self.llm_api_key and "***"}
        return f"Settings({', '.join(f'{k}={v!r}' for k, v in shown.items())})"


class ConfigError(Exception):
    """The settings cannot be used; the text says which, where, and what would be right."""


def read_settings(path: Path | None, overrides: dict[str, Any]) -> Settings:
    """The settings in a file, with `overrides` laid over them. Raises `ConfigError`."""
    given = {} if path is None else read_yaml(path)
    given.update({key: value for key, value in overrides.items() if value is not None})
    try:
        return msgspec.convert(given, Settings)
    except msgspec.ValidationError as error:
        source = "the options" if path is None else str(path)
        raise ConfigError(f"{source}: {error}") from error


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises `ConfigError`."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: this is not UTF-8: {error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: this is not YAML: {error}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of settings, such as 'port: 8080'.")
    return content
