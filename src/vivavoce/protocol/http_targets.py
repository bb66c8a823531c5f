"""Where a client may send this server over HTTP, and with which headers (protocol 2.6)."""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from vivavoce.protocol.errors import refuse

URL_CHARACTERS = re.compile(r"[^\x00-\x20\x7f-\xa0]+")
"""No blanks and nothing unprintable, which some readers of URLs drop and others do not."""

HOST = re.compile(r"(?=.{1,253}\Z)([a-z0-9_-]{1,63}\.)*[a-z0-9_-]{1,63}\.?|[0-9a-f:.]*:[0-9a-f:.]*")
"""A name or an IPv4 address, or an IPv6 address; in lower case. Other letters are written with
`xn--`, since not everybody reads them the same."""

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""A token of RFC 9110."""

OWN_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "last-event-id",
        "mcp-protocol-version",
        "mcp-session-id",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""In lower case: what frames a message of HTTP, leads it on its way, or is MCP's own."""


def check_url(url: str, path: str) -> None:
    """The address of an MCP server: HTTP, without a password in it, and with a host in ASCII."""
    try:
        parts = urlsplit(url)
        is_valid = (
            URL_CHARACTERS.fullmatch(url) is not None
            and parts.scheme in ("http", "https")
            and parts.port != 0
            and HOST.fullmatch(parts.hostname or "") is not None
        )
    except ValueError:
        is_valid = False
    if not is_valid:
        raise refuse("invalid_value", f"Invalid '{path}': expected an http or https URL.", path)
    if parts.username is not None:
        text = f"Invalid '{path}': send credentials in 'authorization' or 'headers'."
        raise refuse("invalid_value", text, path)


def check_headers(headers: Iterable[str], path: str) -> None:
    """The names of a client's headers: those of HTTP and of MCP itself are this server's to set."""
    for name in headers:
        if not HEADER_NAME.fullmatch(name):
            text = f"Invalid '{path}': expected names of HTTP headers."
            raise refuse("invalid_value", text, path)
        if name.lower() in OWN_HEADERS:
            text = f"Invalid '{path}.{name}': this header is set by the server itself."
            raise refuse("invalid_value", text, f"{path}.{name}")
