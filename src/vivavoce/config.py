"""The server's settings: one frozen value, from a YAML file, the environment and options.

Options win over the environment, and that over the file; `cli` reads the first two.
"""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import yaml
from msgspec import Meta

EngineSpec = str | dict[str, Any]
"""An engine: `NAME`, `NAME:ARGUMENT`, or a mapping of `engine: NAME` and the engine's options."""

Seconds = Annotated[float, Meta(gt=0)]

Origin = Annotated[str, Meta(pattern=r"^(\*|null|[A-Za-z][A-Za-z0-9+.-]*://[^/\s]+)$")]
"""A web page's origin, scheme and host and port, as `https://example.com`; `*` is any."""

PrivateHost = Annotated[str, Meta(pattern=r"^(\*|[^\s/:@*]+|[0-9A-Fa-f:.]+(/[0-9]{1,3})?)$")]
"""A host name, an address, a network as `192.168.1.0/24`, or `*` for all."""

NUMERIC_END = re.compile(r"(^|\.)[0-9]+\.?$")
"""In a host: its last label is a number, so it is meant as an IPv4 address (URL Standard 3.5)."""

SECRET = frozenset({"llm_api_key", "api_keys", "secret_key"})
"""The settings that are never shown."""


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
    context_tokens: Annotated[int, Meta(ge=1)] = 28_224
    requests_per_minute: Annotated[int, Meta(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Meta(ge=1)] | None = None
    mcp_private_hosts: tuple[PrivateHost, ...] = ()
    """Hosts whose addresses are not public, and that clients may name as MCP servers."""
    mcp_timeout_seconds: Seconds = 30.0
    trace: str | None = None
    api_keys: tuple[Annotated[str, Meta(min_length=1)], ...] = ()
    secret_key: Annotated[str, Meta(min_length=32)] | None = None
    """Seals client secrets; the same for all replicas. None takes a new one for each process."""
    allow_anonymous: bool = False
    allowed_origins: tuple[Origin, ...] | None = None
    """Web pages that may connect. None means all where keys are needed, else this machine's own."""
    tls_cert: str | None = None
    tls_key: str | None = None
    tls: Literal["self-signed"] | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for settings that contradict each other."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("`tls_cert` and `tls_key` belong together: give both, or none.")
        if self.tls is not None and self.tls_cert is not None:
            raise ValueError("`tls: self-signed` makes a certificate; leave out `tls_cert`.")
        if any(key.startswith("ek_") for key in self.api_keys):
            raise ValueError("`api_keys`: 'ek_' begins client secrets; choose another key.")
        for entry in self.mcp_private_hosts:
            check_private_host(entry)

    @property
    def llm_url(self) -> str | None:
        """The language model if it is a server: `http://localhost:11434/v1#qwen3`."""
        if isinstance(self.llm, str) and self.llm.startswith(("http://", "https://")):
            return self.llm
        return None

    def __repr__(self) -> str:
        """Without the keys."""
        shown = {
            name: "***" if name in SECRET and value else value
            for name, value in msgspec.structs.asdict(self).items()
        }
        return f"Settings({', '.join(f'{k}={v!r}' for k, v in shown.items())})"


def check_private_host(entry: str) -> None:
    """Raises `ValueError` for what is written as an address or a network, and is none."""
    if "/" not in entry and ":" not in entry and not NUMERIC_END.search(entry):
        return
    try:
        ipaddress.ip_network(entry, strict=False)
    except ValueError as error:
        raise ValueError(
            f"`mcp_private_hosts`: '{entry}' is no address or network; write it as 192.168.1.7, "
            "192.168.1.0/24 or fd00::/8."
        ) from error


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
