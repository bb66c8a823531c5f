"""Calls to LocalAI's backends, against a real gRPC server that fails on demand."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import grpc
import pytest

from support.localai_backend import LocalAIBackend, fails, falls_silent, gives, running_backend
from vivavoce.engines.base import EngineError
from vivavoce.engines.limits import limits_of
from vivavoce.engines.localai.calls import Backend, BlockingBackend
from vivavoce.engines.localai.messages import message_class
from vivavoce.engines.localai.settings import BackendSettings, BackendTimeouts, check_fields

KEY = "not-to-be-seen-anywhere"
AT_ONCE = BackendTimeouts(retry_pauses=())
SPOKEN = gives("Result", success=True)


@asynccontextmanager
async def calling(
    timeouts: BackendTimeouts = AT_ONCE, **behaviours: Any
) -> AsyncIterator[tuple[Backend, LocalAIBackend]]:
    async with running_backend(**behaviours) as server:
        backend = Backend(BackendSettings(server.address, {}, KEY, timeouts))
        try:
            yield backend, server
        finally:
            await backend.close()


async def failure_of(timeouts: BackendTimeouts = AT_ONCE, **behaviours: Any) -> EngineError:
    async with calling(timeouts, **behaviours) as (backend, server):
        with pytest.raises(EngineError) as caught:
            await backend.ask("TTS", {"text": "Hello."})
        assert server.address in str(caught.value)
    assert KEY not in str(caught.value)
    return caught.value


def prepare(settings: BackendSettings) -> None:
    backend = BlockingBackend(settings)
    try:
        backend.prepare()
    finally:
        backend.close()


# --- the wire ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "fields", "wire"),
    [
        (
            "ModelOptions",
            {
                "Model": "m",
                "ContextSize": 4096,
                "NGPULayers": 99,
                "Threads": 4,
                "ModelFile": "/m.gguf",
                "MMProj": "p",
                "Options": ["a", "b"],
                "EngineArgs": "{}",
            },
            "0a016d10802060637804aa01072f6d2e67677566ca020170f2030161f2030162ca04027b7d",
        ),
        (
            "PredictOptions",
            {
                "Seed": -1,
                "Tokens": 64,
                "TopK": 40,
                "Temperature": 0.5,
                "StopPrompts": ["x"],
                "TypicalP": 1.0,
                "TopP": 0.75,
                "Images": ["aGk="],
                "UseTokenizerTemplate": True,
                "Messages": [
                    {"role": "user", "content": "Hi", "tool_call_id": "c", "tool_calls": "[]"}
                ],
                "Tools": "[]",
                "ToolChoice": '"auto"',
                "Metadata": {"enable_thinking": "false"},
            },
            "10ffffffffffffffffff01204028284d0000003f6a017885010000803f85020000403fd20204"
            "61476b3dd80201e202110a04757365721202486922016332025b5d8203025b5d8a0306226175"
            "746f22a203180a0f656e61626c655f7468696e6b696e67120566616c7365",
        ),
        (
            "Reply",
            {
                "message": b"Hi",
                "tokens": 2,
                "prompt_tokens": 9,
                "audio": b"ab",
                "chat_deltas": [
                    {
                        "content": "Hi",
                        "reasoning_content": "r",
                        "tool_calls": [{"index": 1, "id": "c", "name": "n", "arguments": "{}"}],
                    }
                ],
            },
            "0a024869100218093202616242150a0248691201721a0c08011201631a016e22027b7d",
        ),
        (
            "TranscriptRequest",
            {"dst": "/a.wav", "language": "en", "threads": 4, "prompt": "p", "stream": True},
            "12062f612e7761761a02656e20043a01705001",
        ),
        (
            "TranscriptResult",
            {"text": "Hi", "language": "en", "segments": [{"start": 1, "end": 2, "text": "Hi"}]},
            "0a081001180222024869120248691a02656e",
        ),
        (
            "TranscriptStreamResponse",
            {"delta": "H", "final_result": {"text": "Hi"}},
            "0a0148120412024869",
        ),
        (
            "TTSRequest",
            {
                "text": "Hi",
                "model": "m",
                "dst": "/a.wav",
                "voice": "v",
                "language": "",
                "params": {"speed": "1.2"},
            },
            "0a02486912016d1a062f612e7761762201762a003a0c0a0573706565641203312e32",
        ),
        (
            "VADRequest",
            {"audio": [0.5, -1.0]},
            "0a080000003f000080bf",
        ),
        (
            "VADResponse",
            {"segments": [{"start": 0.5, "end": 1.0}]},
            "0a0a0d0000003f150000803f",
        ),
        (
            "Result",
            {"message": "m", "success": True},
            "0a016d1001",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isalpha() else "",
)
def test_messages_are_those_of_localai(message: str, fields: dict[str, Any], wire: str) -> None:
    """The bytes are those that code generated from LocalAI's own description writes."""
    made = message_class(message)(**fields)
    assert made.SerializeToString(deterministic=True).hex() == wire
    assert message_class(message).FromString(bytes.fromhex(wire)) == made


def test_fields_that_are_not_described_are_skipped() -> None:
    reply = message_class("Reply").FromString(bytes.fromhex("0a024869210000000000005040"))
    assert reply.message == b"Hi"


# --- loading -------------------------------------------------------------------------------------


async def test_the_model_is_loaded_once_with_what_the_settings_say() -> None:
    async with running_backend() as server:
        load = {"Model": "tiny", "ContextSize": 4096, "Options": ["use_jinja:true"]}
        await asyncio.to_thread(prepare, BackendSettings(server.address, load, KEY))
    [request] = server.requests("LoadModel")
    assert (request.Model, request.ContextSize) == ("tiny", 4096)
    assert list(request.Options) == ["use_jinja:true"]
    assert server.keys == [f"Bearer {KEY}"] * 2


async def test_without_settings_the_backend_is_taken_to_have_a_model() -> None:
    async with running_backend() as server:
        await asyncio.to_thread(prepare, BackendSettings(server.address))
    assert [method for method, _ in server.calls] == ["Health"]
    assert server.keys == [None]


async def test_a_model_that_cannot_be_loaded_is_told() -> None:
    refuses = gives("Result", success=False, message="no such file: tiny.gguf")
    async with running_backend(LoadModel=refuses) as server:
        settings = BackendSettings(server.address, {"Model": "tiny"})
        with pytest.raises(EngineError, match=r"cannot load the model: no such file") as caught:
            await asyncio.to_thread(prepare, settings)
    assert caught.value.code == "model_load_error"


def test_a_backend_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(EngineError, match=r"cannot be reached\. Is it running\?") as caught:
        prepare(BackendSettings(f"127.0.0.1:{port}"))
    assert caught.value.code == "connection_failed"


@pytest.mark.parametrize(
    "address", ["", "localhost", "http://localhost:1", "a b:1", "host:port", "unix:"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(EngineError, match="is not the address of a backend"):
        BackendSettings(address)


@pytest.mark.parametrize("address", ["localhost:1", "[::1]:50051", "unix:/run/a.sock"])
def test_addresses(address: str) -> None:
    assert BackendSettings(address).address == address


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (
            {"contextsize": 1},
            r"ModelOptions has no field 'contextsize'; did you mean ContextSize\?",
        ),
        ({"Colour": 1}, "ModelOptions has no field 'Colour'$"),
        ({"ContextSize": "4096"}, "ContextSize is of type int32, not '4096'"),
        ({"ContextSize": True}, "ContextSize is of type int32, not True"),
        ({"MMap": 1}, "MMap is of type bool, not 1"),
        ({"Options": "a"}, "Options is of type repeated string, not 'a'"),
    ],
    ids=str,
)
def test_what_is_no_field_is_named(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(EngineError, match=f"load: {reason}"):
        BackendSettings("localhost:1", fields)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"frist": 5}, "timeouts: there is no 'frist', only health, load, first"),
        ({"first": "soon"}, "timeouts: Expected `float`, got `str`"),
    ],
    ids=str,
)
def test_limits_that_cannot_be_right(limits: dict[str, Any], reason: str) -> None:
    with pytest.raises(EngineError, match=reason):
        limits_of(BackendTimeouts, limits)
    assert limits_of(BackendTimeouts, {"first": 5}).first == 5.0


def test_fields_that_come_from_the_session_cannot_be_set() -> None:
    with pytest.raises(EngineError, match="Messages is of type repeated Message"):
        check_fields("predict", "PredictOptions", {"Messages": [{}]})


# --- leaving early -------------------------------------------------------------------------------


async def test_cancelling_the_task_cancels_the_call() -> None:
    async with calling(TTS=falls_silent()) as (backend, server):
        async with asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(backend.ask("TTS", {"text": "Hello."}))
            await server.arrived.wait()
            asking.cancel()
        await server.left.wait()


async def test_closing_the_iterator_cancels_the_call() -> None:
    replies = falls_silent("Reply", {"audio": b"ab"})
    async with calling(TTSStream=replies) as (backend, server):
        async with aclosing(backend.replies("TTSStream", {"text": "Hello."})) as audio:
            assert (await anext(audio)).audio == b"ab"
        await server.left.wait()


# --- faults --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "details", "code", "text"),
    [
        (grpc.StatusCode.INTERNAL, "CUDA error", "server_error", "failed in TTS. It said: CUDA"),
        (grpc.StatusCode.UNAUTHENTICATED, KEY, "authentication_error", "It said: ***"),
        (grpc.StatusCode.FAILED_PRECONDITION, "", "model_not_loaded", "say which under the"),
        (grpc.StatusCode.UNKNOWN, "unimplemented", "invalid_configuration", "does not know TTS"),
        (grpc.StatusCode.UNKNOWN, "x" * 999, "server_error", "x" * 300),
        (grpc.StatusCode.UNAVAILABLE, "", "connection_failed", "Is it running?"),
    ],
    ids=["internal", "unauthenticated", "no model", "unimplemented", "long", "unavailable"],
)
async def test_the_status_of_a_call_is_worded(
    status: grpc.StatusCode, details: str, code: str, text: str
) -> None:
    error = await failure_of(TTS=fails(status, details))
    assert (error.code, text in str(error)) == (code, True)
    assert len(str(error)) < 500


async def test_a_method_that_is_not_there() -> None:
    error = await failure_of()
    assert "does not know TTS: it is a backend for something else" in str(error)


async def test_nothing_in_time() -> None:
    limits = BackendTimeouts(first=0.1, retry_pauses=())
    error = await failure_of(limits, TTS=falls_silent())
    assert "did not answer TTS for 0.1 s" in str(error)


async def test_nothing_more_in_time() -> None:
    limits = BackendTimeouts(between=0.1, retry_pauses=())
    stops = falls_silent("Reply", {"audio": b"ab"})
    async with calling(limits, TTSStream=stops) as (backend, server):
        with pytest.raises(EngineError, match=r"stopped: nothing came for 0\.1 s"):
            _ = [reply async for reply in backend.replies("TTSStream", {})]
        await server.left.wait()


async def test_what_could_not_be_reached_is_tried_again() -> None:
    busy = fails(grpc.StatusCode.UNAVAILABLE, "starting")
    limits = BackendTimeouts(retry_pauses=(0.0, 0.0))
    async with calling(limits, TTS=[busy, busy, SPOKEN]) as (backend, server):
        assert (await backend.ask("TTS", {})).success
    assert len(server.requests("TTS")) == 3


async def test_what_has_begun_is_not_tried_again() -> None:
    dies = fails(grpc.StatusCode.UNAVAILABLE, "", "Reply", {"audio": b"ab"})
    limits = BackendTimeouts(retry_pauses=(0.0, 0.0))
    async with calling(limits, TTSStream=dies) as (backend, server):
        with pytest.raises(EngineError):
            _ = [reply async for reply in backend.replies("TTSStream", {})]
    assert len(server.requests("TTSStream")) == 1


async def test_a_failed_call_leaves_the_others_alone() -> None:
    async with calling(TTS=[fails(grpc.StatusCode.INTERNAL), SPOKEN]) as (backend, _):
        with pytest.raises(EngineError):
            await backend.ask("TTS", {})
        assert (await backend.ask("TTS", {})).success
