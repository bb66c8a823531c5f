"""`GET /metrics`: what the server counts, in the text formats of Prometheus."""

import asyncio

from aiohttp import hdrs, web

from vivavoce.runtime.metrics import Metrics


class MetricsEndpoint:
    """Handles the path. Who may read it was decided before."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def handle(self, request: web.Request) -> web.Response:
        """All metrics, in the format that the scraper asks for."""
        accept = request.headers.get(hdrs.ACCEPT, "")
        # In a thread: it takes milliseconds, and may read files.
        body, content_type = await asyncio.to_thread(self._metrics.exposition, accept)
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: content_type})
