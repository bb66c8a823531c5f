"""The server's settings: one frozen value, from YAML files, the environment and options.

Options win over the environment, and that over the files; `cli` reads the first two.
"""

import ipaddress
import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from vivavoce.config.models import EngineSpec, ModelSpec, Name, Part, Seconds
from vivavoce.config.speculation_level import Speculate

Origin = Annotated[str, Meta(pattern=r"^(\*|null|[A-Za-z][A-Za-z0-9+.-]*://[^/\s]+)$")]
"""A web page's origin, scheme and host and port, as `https://example.com`; `*` is any."""

Count = Annotated[int, Meta(ge=1)]
Key = Annotated[str, Meta(min_length=1)]

PrivateHost = Annotated[str, Meta(pattern=r"^(\*|[^\s/:@*]+|[0-9A-Fa-f:.]+(/[0-9]{1,3})?)$")]
"""A host name, an address, a network as `192.168.1.0/24`, or `*` for all."""

NUMERIC_END = re.compile(r"(^|\.)[0-9]+\.?$")
"""In a host: its last label is a number, so it is meant as an IPv4 address (URL Standard 3.5)."""

SECRET = frozenset({"llm_api_key", "api_keys", "secret_key"})
"""The settings that are never shown."""


class Settings(Part, frozen=True, kw_only=True):
    """What an operator can set. The keys of the configuration file are these names.

    `vad`, `stt`, `llm` and `tts` are the engines of sessions that name no model of their own, and
    of pipelines that leave them out.
    """

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[
        int, Meta(ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")
    ] = 8080
    workers: Annotated[Count, Meta(le=256, description="Processes that share the port.")] = 1
    vad: Annotated[
        EngineSpec | None, Meta(description="Voice activity detector; none takes `silero`.")
    ] = None
    stt: Annotated[
        EngineSpec | None, Meta(description="Speech recogniser; none takes `pocketsphinx`.")
    ] = None
    llm: Annotated[
        EngineSpec | None,
        Meta(
            description="Language model: an engine, or URL#MODEL of an OpenAI-compatible server; "
            "none takes a script."
        ),
    ] = None
    tts: Annotated[EngineSpec | None, Meta(description="Voice; none takes `espeak`.")] = None
    turn: Annotated[
        EngineSpec | None,
        Meta(description="Judge of complete turns; none leaves `semantic_vad` to silence."),
    ] = None
    noise: Annotated[
        EngineSpec | None, Meta(description="Noise reduction; none refuses `noise_reduction`.")
    ] = None
    llm_api_key: Annotated[
        str | None, Meta(description="Key for the server that `llm` names by its URL.")
    ] = None
    llm_temperature: Annotated[
        float | None, Meta(description="Temperature sent to that server.")
    ] = None
    llm_extra_body: Annotated[
        dict[str, Any],
        Meta(description="Fields added to every request to that server, such as {top_k: 20}."),
    ] = msgspec.field(default_factory=dict)
    models: Annotated[
        tuple[ModelSpec, ...],
        Meta(description="Named models; one file for each may lie beside this one."),
    ] = ()
    aliases: Annotated[
        dict[Name, Name],
        Meta(description="Other names for models, such as {whisper-1: small-whisper}."),
    ] = msgspec.field(default_factory=dict)
    default_model: Annotated[
        str | None,
        Meta(description="The model that all other names mean; without it they are refused."),
    ] = None
    memory_mb: Annotated[
        Count | None,
        Meta(description="What all engines may take together, of which `memory_mb` is known."),
    ] = None
    offline: Annotated[
        bool, Meta(description="Never download anything; what is missing is an error.")
    ] = False
    instructions: Annotated[
        str, Meta(description="Instructions for sessions whose client sends none.")
    ] = ""
    max_sessions: Annotated[Count, Meta(description="Callers at a time; one more is refused.")] = (
        1000
    )
    session_minutes: Annotated[
        Seconds | None,
        Meta(description="A session is ended when it is that old; null sets no end."),
    ] = 60.0
    max_turn_seconds: Annotated[
        Seconds, Meta(description="A longer turn is ended and answered.")
    ] = 60.0
    retain_audio: Annotated[
        Annotated[float, Meta(ge=0)] | Literal["all", "none"],
        Meta(description="Seconds of user audio per session that stay retrievable."),
    ] = 60.0
    speculate: Annotated[
        Speculate,
        Meta(
            description="What is done in the silence before the end of a turn: off, transcribe, "
            "generate or speak; true is speak."
        ),
    ] = "speak"
    context_tokens: Annotated[
        Count,
        Meta(description="Tokens of the conversation that the language model is sent."),
    ] = 28_224
    requests_per_minute: Annotated[
        Count | None,
        Meta(description="Responses that one session may start in a minute."),
    ] = None
    tokens_per_minute: Annotated[
        Count | None,
        Meta(description="Tokens that one session may use in a minute."),
    ] = None
    mcp_private_hosts: Annotated[
        tuple[PrivateHost, ...],
        Meta(
            description="Hosts whose addresses are not public, and that clients may name as MCP "
            "servers."
        ),
    ] = ()
    mcp_timeout_seconds: Annotated[Seconds, Meta(description="For an MCP server's answer.")] = 30.0
    trace: Annotated[
        str | None,
        Meta(description="Folder in which every session is recorded for `vivavoce replay`."),
    ] = None
    metrics: Annotated[
        bool, Meta(description="Whether `/metrics` tells what the server counts, for Prometheus.")
    ] = True
    api_keys: Annotated[
        tuple[Key, ...],
        Meta(description="Keys that clients must have one of."),
    ] = ()
    secret_key: Annotated[
        Annotated[str, Meta(min_length=32)] | None,
        Meta(description="Seals client secrets, the same for all replicas; none: a new one each."),
    ] = None
    allow_anonymous: Annotated[
        bool,
        Meta(description="Serve everybody who can reach `host`, without a key."),
    ] = False
    allowed_origins: Annotated[
        tuple[Origin, ...] | None,
        Meta(description="Web pages that may connect; none: all with a key, else this machine's."),
    ] = None
    tls_cert: Annotated[
        str | None, Meta(description="File with the certificate chain (PEM), for wss and https.")
    ] = None
    tls_key: Annotated[str | None, Meta(description="File with its private key (PEM).")] = None
    tls: Annotated[
        Literal["self-signed"] | None,
        Meta(description="`self-signed` makes a certificate for development."),
    ] = None

    def __post_init__(self) -> None:
        """Raises `ValueError` for settings that contradict each other."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("`tls_cert` and `tls_key` belong together: give both, or none.")
        if self.tls is not None and self.tls_cert is not None:
            raise ValueError("`tls: self-signed` makes a certificate; leave out `tls_cert`.")
        for entry in self.mcp_private_hosts:
            check_private_host(entry)
        if any(key.startswith("ek_") for key in self.api_keys):
            raise ValueError("`api_keys`: 'ek_' begins client secrets; choose another key.")

    @property
    def llm_url(self) -> str | None:
        """The language model if it is a server: `http://localhost:11434/v1#qwen3`."""
        if isinstance(self.llm, str) and self.llm.startswith(("http://", "https://")):
            return self.llm
        return None

    def __repr__(self) -> str:
        """Without the keys; of models only their names, as their engines may have keys too."""
        shown = {
            name: "***" if name in SECRET and value else value
            for name, value in msgspec.structs.asdict(self).items()
        }
        shown["models"] = tuple(model.name for model in self.models)
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
