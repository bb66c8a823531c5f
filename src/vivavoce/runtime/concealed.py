"""The credentials of MCP servers, as the machine and its trace see them.

They are encrypted where they enter a session, and decrypted where a server is called. Path and
query of a server's URL are too, because some servers have their keys there. The key is the
session's own and is written nowhere. The same credential gives the same text, so that the machine
knows a server again.
"""

import base64
import functools
import re
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import UNSET

from vivavoce.protocol.client_events import ClientEvent, ResponseCreate, SessionUpdate
from vivavoce.protocol.session_config import RealtimeSession, SessionConfig, TranscriptionSession
from vivavoce.protocol.tools import REDACTED, AnyTool, McpTool, ToolServer

SETTINGS = frozenset(
    {
        "type",
        *RealtimeSession.__struct_encode_fields__,
        *TranscriptionSession.__struct_encode_fields__,
    }
)
"""The keys of sessions."""

SHOWN = frozenset(
    {
        "type",
        "name",
        "description",
        "parameters",
        "server_label",
        "server_description",
        "allowed_tools",
        "require_approval",
        "allowed_callers",
        "defer_loading",
    }
)
"""The fields of tools that hold no credential, whatever stands in them."""

MAX_DEPTH = 16
"""Of JSON in the place of tools. What is deeper is no tool, and is left out."""

URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<host>[^/?#]*)(?P<rest>.*)", re.DOTALL)

UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0]")
"""What makes a URL invalid wherever it stands."""


class Concealment:
    """Conceals the credentials of one session."""

    @functools.cached_property
    def _cipher(self) -> AESSIV:
        return AESSIV(AESSIV.generate_key(256))

    def session(self, config: SessionConfig) -> SessionConfig:
        """A session as its machine begins with it."""
        if not isinstance(config, RealtimeSession):
            return config
        return msgspec.structs.replace(config, tools=self._tools(config.tools))

    def event(self, event: ClientEvent) -> ClientEvent:
        """A client's event as the machine receives it."""
        match event:
            case SessionUpdate(session=patch):
                raw = {name: self._raw_setting(name, value) for name, value in patch.items()}
                return msgspec.structs.replace(event, session=raw)
            case ResponseCreate(response=params) if params is not None and params.tools:
                params = msgspec.structs.replace(params, tools=self._tools(params.tools))
                return msgspec.structs.replace(event, response=params)
            case _:
                return event

    def revealed(self, server: ToolServer) -> ToolServer:
        """A server as it is really reached."""
        token = server.authorization
        return msgspec.structs.replace(
            server,
            url=self._open_url(server.url),
            authorization=None if token is None else self._open(token),
            headers=tuple((name, self._open(text)) for name, text in server.headers),
        )

    def _tools(self, tools: tuple[AnyTool, ...]) -> tuple[AnyTool, ...]:
        return tuple(self._tool(tool) if isinstance(tool, McpTool) else tool for tool in tools)

    def _tool(self, tool: McpTool) -> McpTool:
        token, headers, url = tool.authorization, tool.headers, tool.server_url
        return msgspec.structs.replace(
            tool,
            server_url=self._seal_url(url) if isinstance(url, str) else url,
            authorization=self._seal(token) if isinstance(token, str) else token,
            headers=(
                UNSET
                if headers is UNSET
                else headers and {name: self._seal(text) for name, text in headers.items()}
            ),
        )

    def _raw_setting(self, name: str, value: Any) -> Any:
        """A key of a session that was not checked yet; what is none may be a misspelt one."""
        if name == "tools":
            return self._raw_tools(value, MAX_DEPTH)
        return value if name in SETTINGS else self._seal_all(value, MAX_DEPTH)

    def _raw_tools(self, value: Any, depth: int) -> Any:
        """What stands in the place of tools, not checked yet. It keeps its shape, so that the
        check says the same of it."""
        match value:
            case list() | dict() if depth == 0:
                return REDACTED
            case list():
                return [self._raw_tools(one, depth - 1) for one in value]
            case dict():
                return {name: self._raw_field(name, one, depth - 1) for name, one in value.items()}
            case _:
                return value

    def _raw_field(self, name: str, value: Any, depth: int) -> Any:
        if name in SHOWN:
            return value
        if name == "server_url" and isinstance(value, str):
            return self._seal_url(value)
        return self._seal_all(value, depth)

    def _seal_all(self, value: Any, depth: int) -> Any:
        """The JSON with all its strings sealed, but for the names of fields."""
        match value:
            case str():
                return self._seal(value)
            case list() | dict() if depth <= 0:
                return REDACTED
            case list():
                return [self._seal_all(one, depth - 1) for one in value]
            case dict():
                return {name: self._seal_all(one, depth - 1) for name, one in value.items()}
            case _:
                return value

    def _seal_url(self, url: str) -> str:
        """A URL of which scheme and host can be read.

        The check of URLs says the same of it: what it refuses is as wrong in the sealed one.
        """
        parts = URL.fullmatch(url)
        if parts is None:
            return self._seal(url)
        user, at, host = parts["host"].rpartition("@")
        shown = parts["scheme"] + (f"{REDACTED}{at}" if at else user) + host
        rest = parts["rest"]
        if rest in ("", "/"):
            return shown + rest
        return f"{shown}/{self._seal(rest)}{''.join(UNPRINTABLE.findall(rest))}"

    def _open_url(self, url: str) -> str:
        """The URL that was sealed, if it was a valid one."""
        parts = URL.fullmatch(url)
        if parts is None or parts["rest"] in ("", "/"):
            return url
        return parts["scheme"] + parts["host"] + self._open(parts["rest"].removeprefix("/"))

    def _seal(self, text: str) -> str:
        if not text:
            return text
        return base64.urlsafe_b64encode(self._cipher.encrypt(text.encode(), None)).decode()

    def _open(self, sealed: str) -> str:
        if not sealed:
            return sealed
        return self._cipher.decrypt(base64.urlsafe_b64decode(sealed), None).decode()
