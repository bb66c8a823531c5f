"""Servers with language models that are there already: they are offered, and never just used."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import aiohttp
import msgspec

from vivavoce.config.resolution import shown_url

PROBE_S = 0.5
"""Seconds until a port of this machine counts as closed."""

LOCAL_SERVERS = {
    "Ollama": "http://127.0.0.1:11434/v1",
    "llama.cpp": "http://127.0.0.1:8080/v1",
}
"""Where they listen unless told otherwise, and the base URL of their OpenAI-compatible API."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A server that was found. `models` are what it says it has, none if it did not."""

    what: str
    base_url: str
    models: tuple[str, ...] = ()

    def __str__(self) -> str:
        """A line that says what to type."""
        if self.what == "OPENAI_BASE_URL":
            return (
                f"OPENAI_BASE_URL names {shown_url(self.base_url)}. To use it: vivavoce serve "
                "--profile remote"
            )
        if self.what == "OPENAI_API_KEY":
            return "OPENAI_API_KEY is set. To use it: vivavoce serve --profile remote"
        model = self.models[0] if self.models else "MODEL"
        return (
            f"{self.what} runs here. To let it answer: vivavoce serve --llm {self.base_url}#{model}"
        )


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model] | None = None


async def offers(
    environment: Mapping[str, str],
    own_ports: Iterable[int] = (),
    servers: Mapping[str, str] = LOCAL_SERVERS,
) -> tuple[Offer, ...]:
    """What could answer in place of the built-in script. `own_ports` are not asked: ours."""
    found = [
        Offer(name, environment.get("OPENAI_BASE_URL", ""))
        for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY")
        if environment.get(name)
    ]
    taken = tuple(f":{port}/" for port in own_ports)
    asked = {what: url for what, url in servers.items() if not any(port in url for port in taken)}
    timeout = aiohttp.ClientTimeout(total=PROBE_S)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        answers = await asyncio.gather(*(_asked(http, what, url) for what, url in asked.items()))
    return (*found[:1], *(answer for answer in answers if answer is not None))


async def _asked(http: aiohttp.ClientSession, what: str, base_url: str) -> Offer | None:
    """The server, if one with an OpenAI-compatible API answers."""
    try:
        async with http.get(f"{base_url}/models") as response:
            listed = msgspec.json.decode(await response.read(), type=_Models)
    except (aiohttp.ClientError, TimeoutError, OSError, msgspec.MsgspecError):
        return None  # nobody is there, or somebody else
    if response.status != 200:
        return None
    return Offer(what, base_url, tuple(model.id for model in listed.data or ()))
