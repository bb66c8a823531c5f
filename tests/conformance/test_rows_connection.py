"""Rows 1 to 25: the connection, its frames, and its end."""

import json
import time

import pytest

from support.beta_judge import MODEL
from support.dialect_client import Connect, Dialect
from support.named_models import Workshop, catalogue_of
from support.server import serving, serving_models

KEY = "sk-the-right-one"
KEY_PROTOCOL = f"openai-insecure-api-key.{KEY}"
BEARER = {"Authorization": f"Bearer {KEY}"}
MIB = 1024 * 1024
LONG = "x" * (9 * MIB)

DETECTION = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "create_response": True,
    "interrupt_response": True,
}
PCM = {"type": "audio/pcm", "rate": 24_000}

CLIENT_EVENTS = [
    "session.update",
    "input_audio_buffer.append",
    "input_audio_buffer.commit",
    "input_audio_buffer.clear",
    "conversation.item.create",
    "conversation.item.retrieve",
    "conversation.item.delete",
    "conversation.item.truncate",
    "response.create",
    "response.cancel",
]


# --- how it begins ------------------------------------------------------------------------------


async def test_row_001_the_first_frame_is_session_created(connect: Connect) -> None:
    async with connect(headers=BEARER, api_keys=[KEY]) as client:
        assert client.kinds() == ["session.created"]
        assert client.session["object"] == "realtime.session"
        assert client.session.get("type", "realtime") == "realtime"


async def test_row_002_nothing_follows_session_created_by_itself(connect: Connect) -> None:
    async with connect() as client:
        await client.nothing_new()
        assert client.kinds() == ["session.created", "error"]


@pytest.mark.dialect("ga")
async def test_row_003_the_session_is_shown_whole_with_its_defaults(connect: Connect) -> None:
    async with connect("model=gpt-realtime") as client:
        shown = dict(client.session)
    assert shown.pop("id").startswith("sess_")
    assert isinstance(shown.pop("expires_at"), int)
    assert shown == {
        "type": "realtime",
        "object": "realtime.session",
        "model": "gpt-realtime",
        "output_modalities": ["audio"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
        "tracing": None,
        "truncation": "auto",
        "prompt": None,
        "audio": {
            "input": {
                "format": PCM,
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {**DETECTION, "idle_timeout_ms": None},
            },
            "output": {"format": PCM, "voice": "alloy", "speed": 1.0},
        },
        "include": None,
    }


@pytest.mark.dialect("beta")
async def test_row_003_the_flat_session_is_shown_whole_with_its_defaults(connect: Connect) -> None:
    async with connect("model=gpt-4o-realtime-preview") as client:
        shown = dict(client.session)
    assert shown.pop("id").startswith("sess_")
    assert isinstance(shown.pop("expires_at"), int)
    assert shown == {
        "object": "realtime.session",
        "model": "gpt-4o-realtime-preview",
        "modalities": ["audio", "text"],
        "instructions": "",
        "tools": [],
        "tool_choice": "auto",
        "temperature": 0.8,
        "max_response_output_tokens": "inf",
        "tracing": None,
        "input_audio_format": "pcm16",
        "input_audio_transcription": None,
        "input_audio_noise_reduction": None,
        "turn_detection": DETECTION,
        "output_audio_format": "pcm16",
        "voice": "alloy",
        "speed": 1.0,
        "client_secret": None,
        "include": None,
    }


async def test_row_004_a_session_expires_in_an_hour(connect: Connect) -> None:
    before = int(time.time())
    async with connect() as client:
        assert before + 3600 <= client.session["expires_at"] <= time.time() + 3600


async def test_row_005_a_transcription_session_has_no_model_and_no_output(
    connect: Connect,
) -> None:
    async with connect("intent=transcription") as client:
        assert client.session["object"] == "realtime.transcription_session"
        assert client.session.get("type", "transcription") == "transcription"
        assert client.session.keys().isdisjoint({"model", "voice", "output_audio_format"})
        assert "output" not in client.session.get("audio", {})


async def test_row_006_a_session_needs_a_model_or_an_intent(connect: Connect) -> None:
    async with connect("", greeted=False) as client:
        assert (await client.error())["code"] == "missing_model"
        closed = await client.until_closed()
    assert (closed.code, closed.reason) == (4000, "invalid_request_error.missing_model")


async def test_row_007_a_model_that_is_not_configured_is_refused(connect: Connect) -> None:
    models = catalogue_of(Workshop().pipeline("assistant"), aliases={MODEL: "assistant"})
    async with serving_models(models) as server:
        async with connect(f"model={MODEL}", server=server) as client:
            assert client.session["model"] == MODEL
        async with connect("model=unheard-of", server=server, greeted=False) as client:
            error = await client.error()
            closed = await client.until_closed()
    assert (error["code"], error["param"]) == ("invalid_model", "model")
    assert (closed.code, closed.reason) == (4000, "invalid_request_error.invalid_model")


# --- keys and subprotocols ----------------------------------------------------------------------


async def test_row_008_a_wrong_key_is_refused_after_the_handshake(connect: Connect) -> None:
    wrong = {"Authorization": "Bearer sk-the-wrong-one"}
    async with connect(headers=wrong, api_keys=[KEY], greeted=False) as client:
        assert (await client.error())["code"] == "invalid_api_key"
        closed = await client.until_closed()
    assert (closed.code, closed.reason) == (3000, "invalid_request_error.invalid_api_key")


async def test_row_009_no_key_is_refused_without_a_code(connect: Connect) -> None:
    async with connect(api_keys=[KEY], greeted=False) as client:
        assert (await client.error())["code"] is None
        closed = await client.until_closed()
    assert (closed.code, closed.reason) == (3000, "invalid_request_error")


@pytest.mark.parametrize(
    "protocols",
    [
        ("realtime", KEY_PROTOCOL),
        (KEY_PROTOCOL, "openai-agents-sdk.0.20.0", "openai-organization.o", "realtime"),
    ],
)
async def test_row_010_a_key_may_come_as_a_subprotocol(
    connect: Connect, protocols: tuple[str, ...]
) -> None:
    async with connect(protocols=protocols, api_keys=[KEY]) as client:
        assert client.socket.protocol == "realtime"


async def test_row_011_the_subprotocol_with_the_key_is_never_echoed(dialect: Dialect) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MTIzNDU2Nzg5MDEyMzQ1Ng==",
        "Sec-WebSocket-Protocol": KEY_PROTOCOL,
    }
    async with (
        serving(api_keys=[KEY]) as server,
        server.http.get(
            f"{server.url}/realtime?model=test", headers={**upgrade, **dialect.headers}
        ) as answer,
    ):
        assert answer.status == 101
        assert "Sec-WebSocket-Protocol" not in answer.headers


async def test_row_012_without_an_offer_no_subprotocol_is_selected(connect: Connect) -> None:
    async with connect(headers=BEARER, api_keys=[KEY]) as client:
        assert client.socket.protocol is None


async def test_row_013_unknown_query_parameters_are_ignored(connect: Connect) -> None:
    async with connect("model=gpt-4o-realtime-preview&api-version=2&x=1") as client:
        assert client.session["model"] == "gpt-4o-realtime-preview"


async def test_row_014_the_beta_header_selects_beta(connect: Connect) -> None:
    async with connect(headers={"OpenAI-Beta": "assistants=v2, realtime=v1"}) as client:
        assert client.session["modalities"] == ["audio", "text"]


async def test_row_014_so_does_the_subprotocol(connect: Connect) -> None:
    offered = ("realtime", "openai-beta.realtime-v1")
    async with connect(headers={"OpenAI-Beta": "assistants=v2"}, protocols=offered) as client:
        assert client.socket.protocol == "realtime"
        assert client.session["modalities"] == ["audio", "text"]


async def test_row_015_the_header_of_assistants_does_not(connect: Connect) -> None:
    async with connect(headers={"OpenAI-Beta": "assistants=v2"}) as client:
        assert client.session["output_modalities"] == ["audio"]


# --- frames -------------------------------------------------------------------------------------


async def test_row_016_a_binary_frame_is_refused_and_the_connection_stays(connect: Connect) -> None:
    async with connect() as client:
        await client.socket.send_bytes(b'{"type": "response.create"}')
        assert (await client.error())["code"] == "invalid_event"
        await client.nothing_new()


@pytest.mark.parametrize("frame", ["", "{", '{"type": "response.create"} and more'])
async def test_row_017_broken_json_is_refused_and_the_connection_stays(
    connect: Connect, frame: str
) -> None:
    async with connect() as client:
        await client.socket.send_str(frame)
        error = await client.error()
        assert (error["code"], error["param"]) == ("invalid_json", None)
        await client.nothing_new()


@pytest.mark.parametrize("frame", ['[{"type": "response.create"}]', "{}", "null", '{"type": 7}'])
async def test_row_018_json_that_is_no_event_is_refused_and_the_connection_stays(
    connect: Connect, frame: str
) -> None:
    async with connect() as client:
        await client.socket.send_str(frame)
        assert (await client.error())["code"] == "invalid_event"
        await client.nothing_new()


async def test_row_019_an_unknown_type_is_told_which_there_are(connect: Connect) -> None:
    async with connect() as client:
        error = await client.refused("response.creat")
        own = ["transcription_session.update"] if client.beta else []
        assert (error["code"], error["param"]) == ("invalid_value", "type")
        assert all(f"'{kind}'" in error["message"] for kind in CLIENT_EVENTS + own)


async def test_row_020_every_event_has_an_id_of_its_own(connect: Connect) -> None:
    async with connect() as client:
        await client.say("Hello.")
        await client.respond()
        ids = [event["event_id"] for event in client.events]
        assert all(event_id.startswith("event_") for event_id in ids)
        assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("given", [{"event_id": "mine"}, {"event_id": "x" * 512}, {}])
async def test_row_021_an_error_names_the_event_that_caused_it(
    connect: Connect, given: dict[str, str]
) -> None:
    async with connect() as client:
        error = await client.refused("response.cancel", **given)
        assert error["event_id"] == given.get("event_id")


async def test_row_022_an_event_id_of_513_characters_is_refused(connect: Connect) -> None:
    async with connect() as client:
        error = await client.refused("response.cancel", event_id="x" * 513)
        assert (error["code"], error["param"]) == ("string_above_max_length", "event_id")


async def test_row_023_the_end_of_a_sessions_life_is_close_1001(connect: Connect) -> None:
    async with connect(session_minutes=0.005) as client:
        closed = await client.until_closed()
    assert closed.code == 1001
    assert closed.reason == "Your session hit the maximum duration of 0.005 minutes."


async def test_row_024_retrieved_audio_fits_into_a_frame(connect: Connect) -> None:
    async with connect(retain_audio="all") as client:
        await client.update(audio={"input": {"turn_detection": None}})
        for minutes in (1, 4):
            await client.append(bytes(minutes * 60 * 48_000))
            await client.send("input_audio_buffer.commit")
            item = (await client.until("conversation.item.added"))["item"]
            await client.send("conversation.item.retrieve", item_id=item["id"])
            retrieved = await client.until("conversation.item.retrieved")
            audio = retrieved["item"]["content"][0].get("audio", "")
            assert bool(audio) == (minutes == 1)
            assert len(json.dumps(retrieved)) < 8 * MIB


async def test_row_024_a_session_that_does_not_fit_is_refused(connect: Connect) -> None:
    async with connect() as client:
        error = await client.refused_update(instructions=LONG)
        assert (error["code"], error["param"]) == ("string_above_max_length", "session")
        await client.update(instructions=LONG[: 5 * MIB])
        tool = {"type": "function", "name": "sail", "description": LONG[: 5 * MIB]}
        assert (await client.refused_update(tools=[tool]))["code"] == "string_above_max_length"


async def test_row_024_an_item_that_does_not_fit_is_refused(connect: Connect) -> None:
    async with connect() as client:
        await client.say(LONG)
        error = await client.error()
        assert (error["code"], error["param"]) == ("string_above_max_length", "item")


async def test_row_024_errors_quote_no_more_than_is_read(connect: Connect) -> None:
    async with connect() as client:
        for error in (
            await client.refused(LONG),
            await client.refused("conversation.item.retrieve", item_id=LONG),
            await client.refused_update(**{LONG: "kind"}),
        ):
            assert len(json.dumps(error)) < MIB


async def test_row_025_the_clients_close_is_answered_and_the_session_freed(
    connect: Connect,
) -> None:
    async with connect() as client:
        assert await client.server.sessions() == 1
        await client.socket.close(code=1000, message=b"bye")
        assert client.socket.close_code == 1000
        await client.server.until_idle()
