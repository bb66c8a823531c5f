"""Who and what may use the server, in one value."""

from collections.abc import Collection
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Middleware

from vivavoce.runtime.client_secrets import ClientSecrets
from vivavoce.transports.authentication import Admission, Authentication
from vivavoce.transports.origins import Handler, Origins, is_preflight, preflight_headers


@dataclass(frozen=True, slots=True)
class Access:
    """Keys, the secrets made with them, and the web pages that may use them."""

    authentication: Authentication
    origins: Origins
    secrets: ClientSecrets

    def admit(self, request: web.Request) -> Admission:
        """Whether a connection may open a session. Raises `ForeignOrigin`, `Unauthenticated`."""
        self.origins.check(request)
        return self.authentication.admit(request)

    def guard(self, exempt: Collection[Handler]) -> Middleware:
        """Middleware: all paths are for allowed pages that have an API key.

        Exempt are handlers that admit by themselves, as a WebSocket does, which is told after its
        handshake (protocol 1.1), or that tell nothing worth a key.
        """

        @web.middleware
        async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.match_info.handler in exempt:
                return await handler(request)
            self.origins.check(request)
            if is_preflight(request):
                return web.Response(status=204, headers=preflight_headers(request))
            self.authentication.require_api_key(request)
            return await handler(request)

        return middleware
