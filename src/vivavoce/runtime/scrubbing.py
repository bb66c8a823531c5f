"""What others say about an MCP server, made fit for clients and the log.

The server, and the SDK that talks to it, say what they like: whole URLs, paths with keys, what a
client has sent, dumps of many lines.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from vivavoce.protocol.items import McpError
from vivavoce.protocol.tools import REDACTED, ToolServer

MAX_MESSAGE = 1000
"""Characters of an error that are passed on."""

URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://\S+")

DUMP = re.compile(r":?\s*\d+ validation errors? for .*", re.DOTALL)
"""What pydantic, and so the SDK, says of an answer: all of it, and an address of its manual."""

SECRET_LENGTH = 8
"""Characters from which on a part of a URL is taken for a secret: `mcp` and `v1` are none."""


def scrubbed(error: McpError, server: ToolServer) -> McpError:
    """The error in one line, without what opens the server or any other."""
    text = " ".join(DUMP.sub("", error.message).split())
    for secret in sorted(secrets_of(server), key=len, reverse=True):
        text = text.replace(secret, REDACTED)
    text = URL.sub(lambda found: origin_of(found[0]), text)
    return msgspec.structs.replace(error, message=text[:MAX_MESSAGE])


def secrets_of(server: ToolServer) -> Iterator[str]:
    """All that nobody but the server is to see: credentials, and what may be one in its URL."""
    if server.authorization:
        yield server.authorization
    yield from (value for _, value in server.headers if len(value) >= SECRET_LENGTH)
    parts = urlsplit(server.url)
    for part in re.split(r"[/?&=;#]", f"{parts.path}?{parts.query}"):
        if len(part) >= SECRET_LENGTH:
            yield part


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL, as far as it has them."""
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    return f"{scheme}://{authority.rpartition('@')[2]}"
