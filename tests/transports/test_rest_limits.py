"""Requests over HTTP are bounded in number and in time, and pages are kept out or let in."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web

from support.rest import openai_client, told
from support.server import serving, serving_models
from support.telltale_engines import Idle, StuckModel
from support.virtual_time import run_in_virtual_time
from vivavoce.engines.base import EngineError, ModelOutput, TextDelta
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.protocol.prompt import Prompt
from vivavoce.runtime.catalogue import Catalogue, EngineLimits, EngineRef, Engines, ModelPlan
from vivavoce.runtime.models import Models
from vivavoce.transports.rest.turnstile import GRACE_S, Turnstile
from vivavoce.transports.rest.work import produced

ASK: Any = [{"role": "user", "content": "hi"}]
EVERY_PATH = ("audio/transcriptions", "audio/speech", "chat/completions")


class TwoWordModel(Idle):
    """Says two words."""

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        yield TextDelta("One ")
        yield TextDelta("two")


def with_limit(model: Any, answer_s: float) -> Catalogue:
    """A pipeline with this language model, which may be silent for so long."""
    engines = Engines(ScriptedDetector(), ScriptedRecognizer(), model, ScriptedSynthesizer())
    (plan,) = engines.catalogue().plans.values()
    limits = EngineLimits(answer_s, load_s=None)
    ref = EngineRef("llm", "limited", lambda: model, limits)
    limited = ModelPlan(name="limited", engines={**plan.engines, "llm": ref})
    return Catalogue(plans={"limited": limited})


async def test_a_model_that_hangs_is_told_of() -> None:
    catalogue = with_limit(StuckModel(), 0.01)
    async with serving_models(catalogue) as server, openai_client(server) as client:
        with pytest.raises(Exception, match="gave nothing") as failed:
            await client.chat.completions.create(model="limited", messages=ASK)
        assert failed.value.status_code == 504  # type: ignore[attr-defined]
        assert told(failed.value)["code"] == "engine_timeout"  # type: ignore[arg-type]


def test_the_time_that_a_client_takes_is_not_the_engines() -> None:
    async def read_slowly() -> list[Any]:
        async with (
            Models(with_limit(TwoWordModel(), 1.0)) as models,
            models.leased_engine("llm", "limited") as lease,
            aclosing(produced(lease, lambda model: model.generate(Prompt()))) as pieces,
        ):
            read = []
            async for piece in pieces:
                read.append(piece)
                await asyncio.sleep(5)
            return read

    assert run_in_virtual_time(read_slowly()) == [TextDelta("One "), TextDelta("two")]


def test_an_engine_that_hangs_behind_a_slow_client_is_found_out() -> None:
    async def read_slowly() -> None:
        async with (
            Models(with_limit(StuckModel(), 1.0)) as models,
            models.leased_engine("llm", "limited") as lease,
            aclosing(produced(lease, lambda model: model.generate(Prompt()))) as pieces,
        ):
            assert await anext(pieces) == TextDelta("Well, let me think. ")
            await asyncio.sleep(5)
            with pytest.raises(EngineError, match="gave nothing for 1 s"):
                await anext(pieces)

    run_in_virtual_time(read_slowly())


async def test_more_requests_than_may_be_worked_on_are_told_to_come_back() -> None:
    inside, leave = asyncio.Event(), asyncio.Event()

    async def work(_: web.Request) -> web.StreamResponse:
        inside.set()
        await leave.wait()
        return web.Response(text="done")

    guarded = Turnstile(most=1).guard(work)

    async def ask() -> web.StreamResponse:
        request: Any = None  # which nobody looks at
        return await guarded(request)

    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(ask())
        await inside.wait()
        refused = await ask()
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        leave.set()
    assert first.result().status == 200
    assert (await ask()).status == 200


def test_a_server_that_stops_waits_for_requests_but_not_for_long() -> None:
    async def stop() -> tuple[bool, bool, float]:
        turnstile = Turnstile()

        async def ask(seconds: float) -> None:
            async def work(_: web.Request) -> web.StreamResponse:
                await asyncio.sleep(seconds)
                return web.Response(text="done")

            request: Any = None  # which nobody looks at
            await turnstile.guard(work)(request)

        async with asyncio.TaskGroup() as tasks:
            short = tasks.create_task(ask(GRACE_S / 2))
            endless = tasks.create_task(ask(1e9))
            await asyncio.sleep(0)
            await turnstile.close()
            at = asyncio.get_running_loop().time()
        return short.cancelled(), endless.cancelled(), at

    short_was_cut, endless_was_cut, at = run_in_virtual_time(stop())
    assert (short_was_cut, endless_was_cut) == (False, True)
    assert at == pytest.approx(GRACE_S)


@pytest.mark.parametrize("path", EVERY_PATH)
async def test_a_page_may_ask_where_it_is_allowed(path: str) -> None:
    page = "https://app.example"
    headers = {
        "Origin": page,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, x-stainless-lang",
    }
    async with serving(allowed_origins=[page]) as server:
        async with server.http.options(f"{server.url}/{path}", headers=headers) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == page
            assert "x-stainless-lang" in answer.headers["Access-Control-Allow-Headers"]
        async with server.http.post(f"{server.url}/{path}", headers={"Origin": page}) as answer:
            assert answer.status == 400
            assert answer.headers["Access-Control-Allow-Origin"] == page


@pytest.mark.parametrize("path", EVERY_PATH)
async def test_a_key_is_needed_before_a_body_is_read(path: str) -> None:
    async with (
        serving(api_keys=["sk-1"]) as server,
        server.http.post(f"{server.url}/{path}", data=b"no matter what") as answer,
    ):
        assert answer.status == 401
