"""One connection to an MCP server, and what its failures are to a client (protocol 5.7).

This module needs the MCP SDK; `mcp_client` imports it when it is first used. The SDK runs in task
groups, so what fails in it comes in groups of exceptions, of which the innermost tells the most.
"""

import contextlib
import math
import re
from collections.abc import AsyncIterator

import anyio
import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from pydantic import ValidationError

from vivavoce.protocol.http_targets import HEADER_NAME
from vivavoce.protocol.items import McpError, McpHttpError, McpProtocolError, McpToolError
from vivavoce.protocol.tools import ToolServer
from vivavoce.runtime.addresses import (
    AllowedAddresses,
    ForbiddenAddressError,
    UnknownHostError,
)
from vivavoce.runtime.guarded_http import GuardedTransport
from vivavoce.runtime.ports import ToolServerError

HEADER_VALUE = re.compile(r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?|")

GOODBYE_S = 1.0
"""Seconds that a server gets to take note of the end of a connection."""

INTERNAL_ERROR = -32603
"""The code of JSON-RPC for an answer that makes no sense."""


@contextlib.asynccontextmanager
async def connected(
    server: ToolServer, allowed: AllowedAddresses, *, timeout_s: float, most_bytes: int
) -> AsyncIterator[Client]:
    """A client that has agreed with the server on a protocol version.

    Raises `ToolServerError` for whatever fails, in the block as well, which has to be left within
    `timeout_s` from the beginning; at most `most_bytes` are read. The time limit is one of anyio's,
    which also ends what the SDK awaits where it is cancelled.
    """
    transport = GuardedTransport(allowed, most_bytes)
    try:
        with anyio.fail_after(timeout_s) as limit:
            async with http_client(server, transport) as http:
                async with Client(
                    streamable_http_client(
                        server.url,
                        http_client=http,
                        terminate_on_close=False,  # it would wait for an answer without end
                        max_sse_event_size=transport.limit,
                    ),
                    cache=None,
                ) as client:
                    version = client.protocol_version
                    yield client
                    limit.deadline = math.inf  # what was asked for is there, and is not to be lost
                await say_goodbye(http, server, transport, version)
    except ToolServerError:
        raise
    except TimeoutError as error:
        text = f"The server did not answer within {timeout_s:g} seconds."
        raise ToolServerError(McpHttpError(code=504, message=text)) from error
    except Exception as error:
        raise ToolServerError(error_of(innermost(error), transport)) from error


def http_client(server: ToolServer, transport: GuardedTransport) -> httpx2.AsyncClient:
    """What sends the requests; the time limit is that of the whole connection."""
    return httpx2.AsyncClient(
        transport=transport, headers=headers_of(server), timeout=None, trust_env=False
    )


async def say_goodbye(
    http: httpx2.AsyncClient, server: ToolServer, transport: GuardedTransport, version: str
) -> None:
    """Tell a server that keeps something for this connection that it may forget it.

    Nothing depends on its answer. (MCP, streamable HTTP, session management.)
    """
    if transport.session_id is None:
        return
    headers = {"Mcp-Session-Id": transport.session_id, "Mcp-Protocol-Version": version}
    with (
        anyio.move_on_after(GOODBYE_S),
        contextlib.suppress(httpx2.HTTPError, ForbiddenAddressError, UnknownHostError),
    ):
        async with http.stream("DELETE", server.url, headers=headers):
            pass


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
    """The error in clients' terms, not scrubbed yet. Where there was no answer, it has the status
    that a gateway would give."""
    if transport.too_large:
        return McpToolError(message=f"The answer has more than {transport.limit} bytes.")
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
            return McpProtocolError(code=error.code, message=error.message)
        case httpx2.TransportError():
            return McpHttpError(code=502, message=f"The server cannot be reached: {error}")
        case ValidationError():
            text = f"The server's answer is not as MCP says: {first_mistake(error)}"
            return McpProtocolError(code=INTERNAL_ERROR, message=text)
        case _:
            text = f"The server's answer makes no sense: {error or type(error).__name__}"
            return McpProtocolError(code=INTERNAL_ERROR, message=text)


def first_mistake(error: ValidationError) -> str:
    """Where the first mistake is, and what is wrong there; not what stands there."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
