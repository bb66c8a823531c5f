"""`GET /v1/models` and `/v1/models/{id}`, in the shape of OpenAI's API."""

from typing import Any

import msgspec
from aiohttp import web

from vivavoce.protocol.errors import ErrorDetail, abridged
from vivavoce.runtime.models import Models
from vivavoce.transports.http_errors import error_response

OWNER = "vivavoce"


class ModelsEndpoint:
    """Handles both paths. Who may ask is decided before."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def all(self, _: web.Request) -> web.Response:
        """Every name that a client may ask for, aliases too: programs look theirs up here."""
        names = self._models.catalogue.names
        return json_of({"object": "list", "data": [shown(name) for name in names]})

    async def one(self, request: web.Request) -> web.Response:
        """One of them; status 404 for a name that is not in the list."""
        name = request.match_info["model"]
        if name in self._models.catalogue.names:
            return json_of(shown(name))
        text = abridged(f"The model '{name}' does not exist.")
        return error_response(404, ErrorDetail(code="model_not_found", message=text, param="model"))


def shown(name: str) -> dict[str, Any]:
    """A model as clients see it; when it was made is not known."""
    return {"id": name, "object": "model", "created": 0, "owned_by": OWNER}


def json_of(value: dict[str, Any]) -> web.Response:
    """A document."""
    return web.json_response(body=msgspec.json.encode(value))
