"""Bad frames: each gets the error of protocol 6.1, and nothing else happens (rows 16 to 22)."""

import base64
import contextlib
import json
from typing import Any

import aiohttp
import pytest
import websockets

from support.server import Client, Event, serving
from support.sound import BYTES_PER_MS, silence, tone
from vivavoce.protocol.client_events import CLIENT_EVENTS

MIB = 1024 * 1024


async def manual(client: Client) -> None:
    """Turns are the client's business."""
    await client.update(audio={"input": {"turn_detection": None}})


async def still_works(client: Client) -> None:
    """The session takes events as if nothing had been."""
    await client.send("response.create", response={"output_modalities": ["text"]})
    done = await client.until("response.done")
    assert done["response"]["status"] == "completed"


@pytest.mark.parametrize(
    ("frame", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("", "invalid_json", None),
        ('{"type": "response.create"} trailing', "invalid_json", None),
        ("[]", "invalid_event", None),
        ('[{"type": "response.create"}]', "invalid_event", None),
        ('"response.create"', "invalid_event", None),
        ("null", "invalid_event", None),
        ("{}", "invalid_event", None),
        ('{"type": 7}', "invalid_event", None),
        ('{"type": "response.creat"}', "invalid_value", "type"),
        ('{"type": "output_audio_buffer.clear"}', "invalid_value", "type"),
        ('{"type": "input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": 1}', "invalid_type", "audio"),
        ('{"type": "input_audio_buffer.append", "audio": "*"}', "invalid_value", "audio"),
        ('{"type": "response.create", "x": 1}', "unknown_parameter", "x"),
        (
            '{"type": "response.create", "response": {"x": {}}}',
            "unknown_parameter",
            "response.x",
        ),
        ('{"type": "session.update"}', "missing_required_parameter", "session"),
        ('{"type": "session.update", "session": null}', "invalid_type", "session"),
        ('{"type": "session.update", "session": {}}', "missing_required_parameter", "session.type"),
        ('{"type": "input_audio_buffer.commit"}', "input_audio_buffer_commit_empty", None),
        ('{"type": "response.cancel"}', "response_cancel_not_active", None),
        (
            '{"type": "conversation.item.delete", "item_id": "x"}',
            "item_delete_invalid_item_id",
            None,
        ),
        (
            '{"type": "conversation.item.truncate", "item_id": "x", "content_index": 0,'
            ' "audio_end_ms": 1}',
            "item_truncate_invalid_item_id",
            None,
        ),
        (
            '{"type": "conversation.item.truncate", "item_id": "x", "content_index": 0,'
            ' "audio_end_ms": -1}',
            "integer_below_min_value",
            "audio_end_ms",
        ),
    ],
)
async def test_a_bad_frame_is_named_and_the_session_goes_on(
    frame: str, code: str, param: str | None
) -> None:
    async with serving() as server, server.connect() as client:
        await client.socket.send_str(frame)
        error = await client.error()
        assert (error["type"], error["code"]) == ("invalid_request_error", code)
        assert error["param"] == param
        assert error["message"]
        await still_works(client)


async def test_text_that_is_no_utf_8_is_refused() -> None:
    async with serving() as server, server.connect() as client:
        await client.socket.send_frame(b'{"type": "\xff"}', aiohttp.WSMsgType.TEXT)
        assert (await client.error())["code"] == "invalid_json"
        await still_works(client)


async def test_a_binary_frame_is_refused() -> None:
    async with serving() as server, server.connect() as client:
        await client.socket.send_bytes(b'{"type": "response.create"}')
        assert (await client.error())["code"] == "invalid_event"
        await still_works(client)


async def test_an_unknown_type_is_told_all_types_that_there_are() -> None:
    async with serving() as server, server.connect() as client:
        await client.send("session.close")
        message = (await client.error())["message"]
        assert message.startswith("Invalid value: 'session.close'. Supported values are: ")
        assert all(f"'{kind}'" in message for kind in CLIENT_EVENTS)


@pytest.mark.parametrize("given", ["mine", "x" * 512, None])
async def test_an_error_names_the_event_that_caused_it(given: str | None) -> None:
    async with serving() as server, server.connect() as client:
        event: Event = {"type": "response.cancel"}
        await client.socket.send_str(json.dumps(event | ({"event_id": given} if given else {})))
        assert (await client.error())["event_id"] == given


@pytest.mark.parametrize(
    "event",
    [
        {"type": "nonsense"},
        {"type": "session.update", "session": {}},
        {"type": "input_audio_buffer.append", "audio": "*"},
        {"type": "input_audio_buffer.append"},
    ],
)
async def test_errors_of_the_frame_itself_name_the_event_too(event: dict[str, Any]) -> None:
    async with serving() as server, server.connect() as client:
        await client.socket.send_str(json.dumps(event | {"event_id": "mine"}))
        assert (await client.error())["event_id"] == "mine"


async def test_an_event_id_is_at_most_512_characters_long() -> None:
    async with serving() as server, server.connect() as client:
        await client.send("response.cancel", event_id="x" * 513)
        error = await client.error()
        assert (error["code"], error["param"]) == ("string_above_max_length", "event_id")


async def test_bad_base64_leaves_the_buffer_as_it_was() -> None:
    async with serving() as server, server.connect() as client:
        await manual(client)
        await client.append(tone(150))
        for bad in ("?", "AAA", "A=AA", base64.b64encode(tone(50)).decode() + " !"):
            await client.send("input_audio_buffer.append", audio=bad)
            assert (await client.error())["code"] == "invalid_value"
        await client.append(tone(50))
        await client.send("input_audio_buffer.commit")
        committed = await client.until("input_audio_buffer.committed")
        await client.send("conversation.item.retrieve", item_id=committed["item_id"])
        item = (await client.until("conversation.item.retrieved"))["item"]
        assert base64.b64decode(item["content"][0]["audio"]) == tone(150) + tone(50)


async def test_an_append_beyond_15_mib_is_refused_and_the_buffer_stays() -> None:
    async with serving() as server, server.connect() as client:
        await manual(client)
        await client.append(silence(200))
        await client.append(bytes(15 * MIB + 1))
        assert (await client.error())["param"] == "audio"
        await client.send("input_audio_buffer.commit")
        item_id = (await client.until("input_audio_buffer.committed"))["item_id"]
        await client.send("conversation.item.retrieve", item_id=item_id)
        item = (await client.until("conversation.item.retrieved"))["item"]
        audio = base64.b64decode(item["content"][0]["audio"])
        assert len(audio) == 200 * BYTES_PER_MS


async def test_a_frame_beyond_21_mib_ends_its_own_connection_only() -> None:
    async with serving() as server, server.connect() as other:
        async with server.connect() as client:
            # The size stands in front of a frame, so the server may close before it was all sent.
            with contextlib.suppress(ConnectionError):
                await client.socket.send_str(" " * (21 * MIB + 1))
            assert (await client.until_closed()).code in (1009, 1006)
        await still_works(other)


async def test_the_close_of_a_frame_beyond_21_mib_says_why() -> None:
    """To a client that reads while it sends, which that of `support.server` does not."""
    async with serving() as server:
        url = f"{server.url.replace('http', 'ws')}/realtime?model=test"
        async with websockets.connect(url, max_size=None) as socket:
            await socket.recv()
            with contextlib.suppress(websockets.ConnectionClosed):
                await socket.send(" " * (21 * MIB + 1))
            await socket.wait_closed()
            assert socket.close_code == 1009
