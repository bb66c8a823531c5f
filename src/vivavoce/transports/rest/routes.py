"""The paths of the engines over HTTP."""

from collections.abc import Iterator

from aiohttp import web

from vivavoce.protocol.errors import refuse
from vivavoce.runtime.models import Models
from vivavoce.transports.http_errors import Handler
from vivavoce.transports.rest.chat import ChatEndpoint
from vivavoce.transports.rest.speech import SpeechEndpoint
from vivavoce.transports.rest.transcriptions import TranscriptionsEndpoint
from vivavoce.transports.rest.turnstile import Turnstile


class RestPaths:
    """All of them, and the turnstile in front."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._turnstile = Turnstile()

    def routes(self) -> Iterator[tuple[str, Handler]]:
        """The paths below a base that take a POST, and what handles each."""
        guard, models = self._turnstile.guard, self._models
        yield "/audio/transcriptions", guard(TranscriptionsEndpoint(models).handle)
        yield "/audio/translations", translations
        yield "/audio/speech", guard(SpeechEndpoint(models).handle)
        yield "/chat/completions", guard(ChatEndpoint(models).handle)

    async def close_all(self, _: web.Application) -> None:
        """The server stops: what is worked on comes to its end, or is ended."""
        await self._turnstile.close()


async def translations(_: web.Request) -> web.StreamResponse:
    """Refused. A path that does not exist would leave its caller to guess why."""
    text = (
        "No engine here translates speech. Send it to /v1/audio/transcriptions, and the text to "
        "/v1/chat/completions."
    )
    raise refuse("unsupported_endpoint", text)
