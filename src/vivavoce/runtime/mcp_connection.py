"""One connection to an MCP server, and what its failures are to a client (protocol 5.7).

This module needs the MCP SDK; `mcp_client` imports it when it is first used. The SDK runs in task
groups, so what fails in it comes in groups of exceptions, of which the innermost tells the most.
"""

import contextlib
import re
from collections.abc import AsyncIterator

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from vivavoce.protocol.items import McpError, McpHttpError, McpProtocolError, McpToolError
from vivavoce.protocol.tools import ToolServer
from vivavoce.runtime.addresses import (
    AllowedAddresses,
    ForbiddenAddressError,
    UnknownHostError,
)
from vivavoce.runtime.guarded_http import MAX_ANSWER, GuardedTransport
from vivavoce.runtime.ports import ToolServerError

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
HEADER_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?|")

MAX_MESSAGE = 1000
"""Characters of a server's own error that are passed on."""

INTERNAL_ERROR = -32603
"""The code of JSON-RPC for an answer that makes no sense."""


@contextlib.asynccontextmanager
async def connected(server: ToolServer, allowed: AllowedAddresses) -> AsyncIterator[Client]:
    """A client that has agreed with the server on a protocol version.

    Raises `ToolServerError` for whatever fails, in the block as well.
    """
    transport = GuardedTransport(allowed)
    try:
        async with (
            httpx2.AsyncClient(
                transport=transport,
                headers=headers_of(server),
                timeout=None,  # the job as a whole has one
                trust_env=False,
            ) as http,
            Client(
                streamable_http_client(server.url, http_client=http, max_sse_event_size=MAX_ANSWER),
                cache=None,
            ) as client,
        ):
            yield client
    except ToolServerError:
        raise
    except Exception as error:
        raise ToolServerError(error_of(innermost(error), transport)) from error


def headers_of(server: ToolServer) -> dict[str, str]:
    """What the client gave for this server. Raises `ToolServerError`.

    Answers are not to be compressed, so that their size is known while they are read.
    """
    headers = {**dict(server.headers), "Accept-Encoding": "identity"}
    if server.authorization is not None:
        headers["Authorization"] = f"Bearer {server.authorization}"
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            text = "A header, or the authorization, has characters that HTTP does not allow."
            raise ToolServerError(McpToolError(message=text))
    return headers


def innermost(error: BaseException) -> BaseException:
    """The first exception of a group, of the first group in it, and so on."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def error_of(error: BaseException, transport: GuardedTransport) -> McpError:
    """The error as clients know it. Where there was no answer, it has the status that a gateway
    would give."""
    if transport.too_large:
        return McpToolError(message=f"The answer has more than {MAX_ANSWER} bytes.")
    match error:
        case ToolServerError():
            return error.error
        case ForbiddenAddressError():
            return McpHttpError(code=403, message=str(error))
        case UnknownHostError():
            return McpHttpError(code=502, message=str(error))
        case MCPError() if transport.refused is not None:
            text = f"The server answered with the HTTP status {transport.refused}."
            return McpHttpError(code=transport.refused, message=text)
        case MCPError():
            return McpProtocolError(code=error.code, message=error.message[:MAX_MESSAGE])
        case httpx2.TransportError():
            return McpHttpError(code=502, message=f"The server cannot be reached: {error}")
        case _:
            text = f"The server's answer makes no sense: {type(error).__name__}: {error}"
            return McpProtocolError(code=INTERNAL_ERROR, message=text[:MAX_MESSAGE])
