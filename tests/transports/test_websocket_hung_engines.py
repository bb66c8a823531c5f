"""An engine that hangs and cannot be cancelled, as its clients and their neighbours see it."""

import asyncio

from support.named_models import Workshop, catalogue_of
from support.server import Client, serving_models
from support.stubborn_engines import StubbornModel
from vivavoce.runtime.catalogue import EngineLimits

TEXT = {"output_modalities": ["text"]}
BRIEF = EngineLimits(0.3, load_s=None)
"""What the stubborn engine is held to. The fresh one answers at once."""


async def respond(client: Client) -> tuple[str, str | None]:
    """Status and error code of a response."""
    await client.send("response.create", response=TEXT)
    response = (await client.until("response.done"))["response"]
    error = (response["status_details"] or {}).get("error") or {}
    return response["status"], error.get("code")


async def test_its_response_fails_the_next_one_is_answered_and_nobody_else_waits() -> None:
    StubbornModel.prepare()
    workshop = Workshop()
    stubborn = workshop.ref("llm", "stubborn", kind=StubbornModel, limits=BRIEF)
    catalogue = catalogue_of(workshop.pipeline("a", stubborn), workshop.pipeline("b"))
    async with (
        serving_models(catalogue) as server,
        server.connect("model=a") as client,
        server.connect("model=b") as neighbour,
        asyncio.TaskGroup() as tasks,
    ):
        failing = tasks.create_task(respond(client))
        await StubbornModel.begun.wait()
        assert await respond(neighbour) == ("completed", None)
        assert await failing == ("failed", "engine_timeout")
        assert await respond(client) == ("completed", None)
    await StubbornModel.let_go()  # the server has stopped though it hangs


async def test_a_session_ends_with_its_socket_while_its_engine_hangs() -> None:
    StubbornModel.prepare()
    workshop = Workshop()
    catalogue = catalogue_of(workshop.pipeline("a", workshop.ref("llm", kind=StubbornModel)))
    async with serving_models(catalogue) as server:
        async with server.connect("model=a") as client:
            await client.send("response.create", response=TEXT)
            await StubbornModel.begun.wait()
        await server.until_idle()
        async with server.connect("model=a") as client:
            assert client.kinds() == ["session.created"]
    await StubbornModel.let_go()
