import click
import pytest
from aiohttp import web

from vivavoce import app
from vivavoce.commands.client import connect, realtime_url
from vivavoce.commands.hosting import base_url
from vivavoce.config import Settings


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1/realtime"),
        ("https://voice.example/v1/", "https://voice.example/v1/realtime"),
        ("ws://127.0.0.1:8080/v1/realtime", "ws://127.0.0.1:8080/v1/realtime"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/realtime"),
    ],
)
def test_the_address_of_the_socket_lies_under_the_base_url(given: str, expected: str) -> None:
    assert str(realtime_url(given)) == expected


@pytest.mark.parametrize("given", ["127.0.0.1:8080", "ftp://host/v1", "", "http://"])
def test_what_is_no_url_of_a_server_is_refused(given: str) -> None:
    with pytest.raises(click.ClickException, match="--url"):
        realtime_url(given)


async def test_events_go_both_ways() -> None:
    settings = Settings(port=0, stt="scripted", tts="scripted")
    async with (
        app.running(settings) as server,
        connect(server.url, model="vivavoce") as connection,
    ):
        await connection.send({"type": "input_audio_buffer.clear"})
        events = aiter(connection)
        types = [(await anext(events))["type"] for _ in range(2)]
    assert types == ["session.created", "input_audio_buffer.cleared"]


async def test_a_key_is_shown_to_a_server_that_needs_one() -> None:
    settings = Settings(port=0, stt="scripted", tts="scripted", api_keys=("sk-1",))
    async with app.running(settings) as server:
        for key, expected in (("sk-1", "session.created"), (None, "error")):
            async with connect(server.url, api_key=key, model="vivavoce") as connection:
                assert (await anext(aiter(connection)))["type"] == expected


async def test_a_server_of_ones_own_needs_no_key_and_no_certificate() -> None:
    settings = Settings(
        host="0.0.0.0", api_keys=("sk-1",), tls="self-signed", stt="scripted", tts="scripted"
    )
    async with (
        base_url(None, settings) as url,
        connect(url, model="vivavoce") as connection,
    ):
        assert (await anext(aiter(connection)))["type"] == "session.created"


async def test_a_server_of_another_kind_is_told_apart(unused_tcp_port: int) -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
        with pytest.raises(click.ClickException, match=r"not as a realtime server \(HTTP 404\)"):
            async with connect(f"http://127.0.0.1:{unused_tcp_port}/v1", model="vivavoce"):
                pass
    finally:
        await runner.cleanup()
