"""`POST /v1/chat/completions`: passed through to a server that speaks it, else answered by the
language model in its own way."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec
from aiohttp import web

from vivavoce.engines.base import EngineError, LanguageModel, ModelOutput
from vivavoce.engines.llm.chat_relay import RelaysChat
from vivavoce.protocol.errors import missing_parameter, refuse
from vivavoce.runtime.models import Models
from vivavoce.runtime.pipeline import EngineLease
from vivavoce.transports.rest.bodies import converted, read_json
from vivavoce.transports.rest.chat_answer import ChatAnswer
from vivavoce.transports.rest.chat_messages import ChatRequest, StreamOptions, prompt_of
from vivavoce.transports.rest.streams import EVENT_STREAM, StreamedAnswer, streamed
from vivavoce.transports.rest.work import produced

DONE = "[DONE]"
"""What ends a stream of chunks."""

Lease = EngineLease[LanguageModel]
Body = dict[str, Any]


class ChatEndpoint:
    """Handles the path. Who may ask is decided before."""

    def __init__(self, models: Models) -> None:
        self._models = models

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer. Raises `Refusal`, and what engines and their models raise."""
        body = await read_json(request)
        async with self._models.leased_engine("llm", model_in(body)) as lease:
            if isinstance(lease.engine, RelaysChat):
                return await relay(request, lease, body)
            asked = converted(body, ChatRequest)
            answer = ChatAnswer(asked.model, prompt := prompt_of(asked))

            def begin(engine: LanguageModel) -> AsyncGenerator[ModelOutput, None]:
                return engine.generate(prompt)

            async with aclosing(produced(lease, begin)) as pieces:
                if asked.stream:
                    options = asked.stream_options or StreamOptions()
                    return await in_chunks(request, pieces, answer, options)
                async for piece in pieces:
                    answer.receive(piece)
            return web.json_response(body=msgspec.json.encode(answer.whole()))


def model_in(body: Body) -> str:
    """The model that is asked for. Raises `Refusal`."""
    model = body.get("model")
    if model is None or model == "":
        raise missing_parameter("model")
    if not isinstance(model, str):
        raise refuse("invalid_type", "'model' is the name of a model: a string.", "model")
    return model


async def in_chunks(
    request: web.Request,
    pieces: AsyncGenerator[ModelOutput, None],
    answer: ChatAnswer,
    options: StreamOptions,
) -> web.StreamResponse:
    """The answer as it is made."""
    async with streamed(request, EVENT_STREAM) as events:
        async for piece in pieces:
            if not events.begun:
                await events.event(answer.opening())
            await events.event(answer.receive(piece))
        if options.include_usage:
            await events.event(answer.counted())
        await events.event(DONE)
    return events.response


async def relay(request: web.Request, lease: Lease, body: Body) -> web.StreamResponse:
    """Pass the request on, and the bytes that answer it back.

    A remote server has time limits of its own, and is not replaced when it is slow: the engine's
    limit does not count here.
    """
    instance = await lease.ready()
    engine = instance.engine
    assert isinstance(engine, RelaysChat), "engines of one reference are of one kind"
    instance.job_begins()
    try:
        async with (
            engine.relay(body) as relayed,
            streamed(request, relayed.content_type, status=relayed.status) as answer,
        ):
            await pass_on(relayed.body, answer)
        return answer.response
    finally:
        instance.job_ended()


async def pass_on(body: AsyncIterator[bytes], answer: StreamedAnswer) -> None:
    """Send what comes. Raises what reading it does: an event that tells of it can only follow a
    whole one."""
    end = b"\n\n"
    try:
        async for piece in body:
            end = (end + piece)[-4:]
            await answer.write(piece)
    except EngineError:
        if not end.endswith((b"\n\n", b"\r\n\r\n")):
            answer.cut_off()
        raise
