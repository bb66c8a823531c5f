"""Which web pages may use the server: the Origin allow-list and CORS.

A browser adds `Origin` to what a page sends, and lets any page open a WebSocket to any address,
that of the user's own machine too. Without keys this list is therefore all that stands between a
local server and the sites that its user visits.
"""

import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from vivavoce.protocol.errors import ErrorDetail, Refusal

ANY = "*"
PREFLIGHT_LIFETIME_S = 600

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ForeignOrigin(Refusal):
    """A web page that is not on the list."""


class Origins:
    """The allow-list.

    `allowed` are origins such as `https://example.com`, or `*` for all; None allows the pages
    that this machine serves itself.
    """

    def __init__(self, allowed: Sequence[str] | None) -> None:
        self._allowed = None if allowed is None else frozenset(one.lower() for one in allowed)

    def check(self, request: web.Request) -> None:
        """Raises `ForeignOrigin` for a page that is not on the list. Programs send no origin."""
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and not self._allows(origin):
            raise ForeignOrigin(
                ErrorDetail(
                    code="origin_not_allowed",
                    message=f"Pages of {origin!r} may not use this server. Its operator can add "
                    "the origin to `allowed_origins` (--allowed-origins).",
                )
            )

    def _allows(self, origin: str) -> bool:
        if self._allowed is None:
            return is_loopback(host_of(origin))
        return ANY in self._allowed or origin.lower() in self._allowed

    async def mark(self, request: web.Request, response: web.StreamResponse) -> None:
        """Signal before a response is sent: errors too can be read by pages that are allowed."""
        origin = request.headers.get(hdrs.ORIGIN)
        response.headers[hdrs.VARY] = hdrs.ORIGIN
        if origin is not None and self._allows(origin):
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = hdrs.LOCATION


def is_preflight(request: web.Request) -> bool:
    """Whether a browser asks before it sends the request itself."""
    return request.method == hdrs.METH_OPTIONS and hdrs.ACCESS_CONTROL_REQUEST_METHOD in (
        request.headers
    )


def preflight_headers(request: web.Request) -> dict[str, str]:
    """Leave for the methods that there are, and for all headers that the page asks for."""
    answer: dict[str, str] = {
        hdrs.ACCESS_CONTROL_ALLOW_METHODS: "GET, POST, OPTIONS",
        hdrs.ACCESS_CONTROL_MAX_AGE: str(PREFLIGHT_LIFETIME_S),
    }
    if asked := request.headers.get(hdrs.ACCESS_CONTROL_REQUEST_HEADERS):
        answer[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = asked
    return answer


def host_of(origin: str) -> str:
    """The host in an origin; empty for what has none, such as `null`."""
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own, without asking a name server."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
