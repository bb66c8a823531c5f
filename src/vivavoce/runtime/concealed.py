"""The credentials of MCP servers, as the machine and its trace see them.

They are encrypted where they enter a session, and decrypted where a server is called. The key is
the session's own and is written nowhere. The same credential gives the same text, so that the
machine knows a server again.
"""

import base64
import functools
from typing import Any

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from msgspec import UNSET

from vivavoce.protocol.client_events import ClientEvent, ResponseCreate, SessionUpdate
from vivavoce.protocol.session_config import RealtimeSession, SessionConfig
from vivavoce.protocol.tools import AnyTool, McpTool, ToolServer


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
            case SessionUpdate(session={"tools": list(tools)} as session):
                patch = {**session, "tools": [self._raw_tool(tool) for tool in tools]}
                return msgspec.structs.replace(event, session=patch)
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
            authorization=None if token is None else self._open(token),
            headers=tuple((name, self._open(text)) for name, text in server.headers),
        )

    def _tools(self, tools: tuple[AnyTool, ...]) -> tuple[AnyTool, ...]:
        return tuple(self._tool(tool) if isinstance(tool, McpTool) else tool for tool in tools)

    def _tool(self, tool: McpTool) -> McpTool:
        token, headers = tool.authorization, tool.headers
        return msgspec.structs.replace(
            tool,
            authorization=self._seal(token) if isinstance(token, str) else token,
            headers=(
                UNSET
                if headers is UNSET
                else headers and {name: self._seal(text) for name, text in headers.items()}
            ),
        )

    def _raw_tool(self, tool: Any) -> Any:
        """A tool that was not checked yet; what has another shape is left to that check."""
        if not isinstance(tool, dict):
            return tool
        concealed = dict(tool)
        if isinstance(tool.get("authorization"), str):
            concealed["authorization"] = self._seal(tool["authorization"])
        if isinstance(tool.get("headers"), dict):
            concealed["headers"] = {
                name: self._seal(text) if isinstance(text, str) else text
                for name, text in tool["headers"].items()
            }
        return concealed

    def _seal(self, text: str) -> str:
        if not text:
            return text
        return base64.urlsafe_b64encode(self._cipher.encrypt(text.encode(), None)).decode()

    def _open(self, sealed: str) -> str:
        if not sealed:
            return sealed
        return self._cipher.decrypt(base64.urlsafe_b64decode(sealed), None).decode()
