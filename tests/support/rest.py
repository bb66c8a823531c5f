"""OpenAI's own client over plain HTTP, and what errors look like to it."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from openai import APIStatusError, AsyncOpenAI

from support.server import LiveServer
from vivavoce.audio.wav import wav_bytes

RATE = 24_000


@contextlib.asynccontextmanager
async def openai_client(server: LiveServer, key: str = "unused") -> AsyncIterator[AsyncOpenAI]:
    """The client, which asks once only."""
    async with AsyncOpenAI(base_url=server.url, api_key=key, max_retries=0) as client:
        yield client


def wav_file(pcm: bytes) -> tuple[str, bytes, str]:
    """24 kHz PCM as a file to upload."""
    return "speech.wav", wav_bytes(pcm, RATE), "audio/wav"


def told(error: APIStatusError) -> dict[str, Any]:
    """The `error` object of an answer, complete."""
    content: dict[str, Any] = error.response.json()["error"]
    assert content.keys() == {"message", "type", "param", "code"}
    return content
