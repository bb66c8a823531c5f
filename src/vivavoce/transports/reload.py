"""`POST /v1/admin/reload`: the configuration is read anew, for new sessions."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from vivavoce.config import ConfigError
from vivavoce.protocol.errors import ErrorDetail, refuse
from vivavoce.transports.authentication import Authentication, Unauthenticated

Reload = Callable[[], Awaitable[tuple[str, ...]]]
"""Reads the configuration anew; gives notices. Raises `ConfigError`."""

NO_KEYS = (
    "A server without API keys takes no administration over HTTP. Set one (VIVAVOCE_API_KEY), or "
    "send the process SIGHUP."
)


class ReloadEndpoint:
    """Handles the path. That the key is right was decided before."""

    def __init__(self, reload: Reload, authentication: Authentication) -> None:
        self._reload = reload
        self._authentication = authentication

    async def handle(self, _: web.Request) -> web.Response:
        """Reload. Raises `Refusal` for a configuration that cannot be used; it changes nothing."""
        if not self._authentication.needs_key:
            raise Unauthenticated(ErrorDetail(code="no_api_keys", message=NO_KEYS))
        try:
            notices = await self._reload()
        except ConfigError as error:
            raise refuse("invalid_configuration", str(error)) from error
        return web.json_response({"status": "reloaded", "notices": notices})
