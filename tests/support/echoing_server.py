"""Transcription and speech over HTTP, from what each request holds: for many uses at once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import numpy as np
from aiohttp import BodyPartReader, web

from support.transcription_server import delta, done
from vivavoce.audio.wav import read_wav

RATE = 24_000
MS_PER_CHARACTER = 50


@asynccontextmanager
async def running_echoing_server() -> AsyncIterator[str]:
    """Serve on loopback and give the API's base URL."""
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/audio/transcriptions", transcribe)
    app.router.add_post("/v1/audio/speech", speak)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()


async def transcribe(request: web.Request) -> web.StreamResponse:
    """How long the audio is, in words; as a stream where one is asked for."""
    form = {
        part.name: await part.read()
        async for part in await request.multipart()
        if isinstance(part, BodyPartReader)
    }
    pcm, rate = read_wav(bytes(form["file"]))
    words = f"I heard {len(pcm) // 2 * 1000 // rate} milliseconds".split(" ")
    text = " ".join(words)
    if form.get("stream") != b"true":
        return web.json_response({"text": text})
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for number, word in enumerate(words):
        await response.write(delta(f" {word}" if number else word))
    await response.write(done(text))
    await response.write_eof()
    return response


async def speak(request: web.Request) -> web.StreamResponse:
    """A tone as long as the text, in pieces that end within samples."""
    body: dict[str, Any] = msgspec.json.decode(await request.read())
    seconds = len(body["input"]) * MS_PER_CHARACTER / 1000 / body.get("speed", 1.0)
    time = np.arange(round(seconds * RATE)) / RATE
    audio: bytes = (8_000 * np.sin(2 * np.pi * 330 * time)).astype("<i2").tobytes()
    response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
    await response.prepare(request)
    for start in range(0, len(audio), 4_801):
        await response.write(audio[start : start + 4_801])
    await response.write_eof()
    return response
