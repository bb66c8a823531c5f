"""Models by name, over a real socket: which there are, how their sessions begin, and reloads."""

import asyncio
import os
import signal
import threading
from typing import Any

import pytest
from openai import AsyncOpenAI

from support.named_models import Workshop, catalogue_of
from support.server import LiveServer, serving, serving_models
from vivavoce.app import serving as serving_engines
from vivavoce.config import ConfigError, Settings
from vivavoce.engines.llm.reply_script import parse_reply_script
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.reloading import Read, hangups, reloading_when
from vivavoce.runtime.catalogue import Catalogue, ModelPlan

KEY = {"Authorization": "Bearer sk-1"}

DEFAULTS: dict[str, Any] = {
    "instructions": "You are Ada.",
    "tools": [{"type": "function", "name": "dim_lights"}],
    "max_output_tokens": 200,
    "audio": {
        "input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 300}},
        "output": {"voice": "marin", "speed": 1.2},
    },
}


def ada(workshop: Workshop) -> Catalogue:
    """A model with defaults, and another without."""
    return catalogue_of(
        workshop.pipeline("ada", defaults=DEFAULTS),
        workshop.pipeline("plain"),
        aliases={"gpt-realtime": "ada"},
    )


async def test_a_session_begins_with_the_defaults_of_its_model() -> None:
    async with serving_models(ada(Workshop()), instructions="Be kind.") as server:
        async with server.connect("model=gpt-realtime") as client:
            shown = client.events[0]["session"]
        async with server.connect("model=plain") as client:
            plain = client.events[0]["session"]
    assert shown["model"] == "gpt-realtime"
    assert shown["instructions"] == "You are Ada."
    assert [tool["name"] for tool in shown["tools"]] == ["dim_lights"]
    assert shown["max_output_tokens"] == 200
    assert shown["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 300
    assert shown["audio"]["output"]["voice"] == "marin"
    assert shown["audio"]["output"]["speed"] == 1.2
    assert (plain["instructions"], plain["tools"]) == ("Be kind.", [])


async def test_a_transcription_session_takes_what_the_first_model_says_of_hearing() -> None:
    models = ada(Workshop())
    async with serving_models(models) as server, server.connect("intent=transcription") as client:
        detection = client.events[0]["session"]["audio"]["input"]["turn_detection"]
    assert detection["silence_duration_ms"] == 300
    assert "create_response" not in detection


async def test_a_session_does_not_change_its_model() -> None:
    async with serving_models(ada(Workshop())) as server, server.connect("model=ada") as client:
        await client.send("session.update", session={"type": "realtime", "model": "plain"})
        assert (await client.error())["code"] == "invalid_value"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("client_secrets", {"session": {"type": "realtime", "model": "unheard-of"}}),
        ("sessions", {"model": "unheard-of"}),
    ],
)
async def test_no_secret_is_made_for_a_model_that_is_not_there(
    path: str, body: dict[str, Any]
) -> None:
    async with (
        serving_models(ada(Workshop())) as server,
        server.http.post(f"{server.url}/realtime/{path}", json=body) as answer,
    ):
        error = (await answer.json())["error"]
    assert (answer.status, error["code"]) == (400, "invalid_model")


async def test_a_secret_is_made_with_the_defaults_of_its_model() -> None:
    body = {"session": {"type": "realtime", "model": "ada", "instructions": "Be brief."}}
    async with serving_models(ada(Workshop())) as server:
        url = f"{server.url}/realtime/client_secrets"
        async with server.http.post(url, json=body) as answer:
            session = (await answer.json())["session"]
    assert session["instructions"] == "Be brief."
    assert session["audio"]["output"]["voice"] == "marin"


async def test_the_models_are_listed_with_their_aliases() -> None:
    async with serving_models(ada(Workshop())) as server:
        async with AsyncOpenAI(base_url=server.url, api_key="none") as openai:
            names = [model.id async for model in openai.models.list()]
            one = await openai.models.retrieve("gpt-realtime")
        async with server.http.get(f"{server.url}/models/unheard-of") as answer:
            error = (await answer.json())["error"]
    assert names == ["ada", "plain", "gpt-realtime"]
    assert (one.id, one.object, one.owned_by) == ("gpt-realtime", "model", "vivavoce")
    assert (answer.status, error["code"], error["param"]) == (404, "model_not_found", "model")


async def test_a_name_may_have_slashes() -> None:
    catalogue = catalogue_of(Workshop().pipeline("org/model"))
    async with (
        serving_models(catalogue) as server,
        server.http.get(f"{server.url}/models/org/model") as answer,
    ):
        assert (await answer.json())["id"] == "org/model"


async def test_the_list_needs_a_key_where_there_are_keys() -> None:
    async with serving_models(ada(Workshop()), api_keys=["sk-1"]) as server:
        for path in ("models", "models/ada"):
            async with server.http.get(f"{server.url}/{path}") as answer:
                assert answer.status == 401
            async with server.http.get(f"{server.url}/{path}", headers=KEY) as answer:
                assert answer.status == 200


class Reconfigured:
    """A configuration that changes; and then is broken."""

    def __init__(self, *catalogues: Catalogue) -> None:
        self._next = list(catalogues)

    def __call__(self) -> Read:
        if not self._next:
            raise ConfigError("models.yaml:3: unknown key 'modle'")
        return Read(self._next.pop(0))


async def reloaded(server: LiveServer) -> tuple[int, dict[str, Any]]:
    """Asks for a reload with the key."""
    async with server.http.post(f"{server.url}/admin/reload", headers=KEY) as answer:
        return answer.status, await answer.json()


async def said(client: Any) -> str:
    """What the model answers."""
    content = [{"type": "input_text", "text": "Hello."}]
    item = {"type": "message", "role": "user", "content": content}
    await client.send("conversation.item.create", item=item)
    await client.send("response.create", response={"output_modalities": ["text"]})
    return str((await client.until("response.output_text.done"))["text"])


def speaker(workshop: Workshop, name: str, words: str) -> ModelPlan:
    """A model that says these words."""
    script = parse_reply_script(f"rules: [{{say: {words}}}]", "script")
    return workshop.pipeline(name, workshop.ref("llm", words, script=script))


async def test_a_reload_serves_new_sessions_and_leaves_a_live_one_alone() -> None:
    workshop = Workshop()
    before = catalogue_of(speaker(workshop, "ada", "Old"))
    after = catalogue_of(speaker(workshop, "ada", "New"), workshop.pipeline("second"))
    again = Reconfigured(after)
    async with serving_models(before, again, api_keys=["sk-1"]) as server:
        async with server.connect("model=ada", headers=KEY) as live:
            assert await said(live) == "Old"
            assert await reloaded(server) == (200, {"status": "reloaded", "notices": []})
            async with server.connect("model=ada", headers=KEY) as fresh:
                assert await said(fresh) == "New"
            assert await said(live) == "Old"
            assert not workshop.closed["Old"].is_set()
            status, body = await reloaded(server)
            assert (status, body["error"]["code"]) == (400, "invalid_configuration")
            assert "models.yaml:3" in body["error"]["message"]
        async with asyncio.timeout(30):
            await workshop.closed["Old"].wait()
        async with server.connect("model=second", headers=KEY) as client:
            assert client.events[0]["session"]["model"] == "second"
    assert workshop.log.count("load stt") == 1


class Heralded(ScriptedModel):
    """Says when it is loaded."""

    loaded = threading.Event()

    def load(self) -> None:
        super().load()
        self.loaded.set()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no SIGHUP")
async def test_the_process_reloads_when_it_is_told_to_by_a_signal() -> None:
    workshop = Workshop()
    new = catalogue_of(workshop.pipeline("new", workshop.ref("llm", "new", kind=Heralded)))
    old = catalogue_of(workshop.pipeline("old"))
    with hangups() as asked:
        os.kill(os.getpid(), signal.SIGHUP)  # before the server is there, which does not kill it
        async with (
            serving_engines(old, Settings(port=0), read_again=Reconfigured(new)) as server,
            AsyncOpenAI(base_url=server.url, api_key="none") as openai,
            reloading_when(asked, server.reload),
        ):
            assert await asyncio.to_thread(Heralded.loaded.wait, 30)
            assert [model.id async for model in openai.models.list()] == ["new"]


async def test_a_reload_that_fails_unexpectedly_answers_json() -> None:
    def broken() -> Read:
        raise RuntimeError("a bug")

    async with serving_models(ada(Workshop()), broken, api_keys=["sk-1"]) as server:
        status, body = await reloaded(server)
    assert (status, body["error"]["type"]) == (500, "server_error")
    assert "a bug" not in body["error"]["message"]


async def test_a_reload_does_not_wait_for_loads() -> None:
    workshop = Workshop()
    gate = workshop.may_load["stuck"] = threading.Event()
    stuck = catalogue_of(workshop.pipeline("ada", workshop.ref("llm", "stuck")))
    sound = catalogue_of(speaker(workshop, "ada", "New"))
    again = Reconfigured(stuck, sound)
    async with serving_models(ada(Workshop()), again, api_keys=["sk-1"]) as server:
        assert await reloaded(server) == (200, {"status": "reloaded", "notices": []})
        assert await reloaded(server) == (200, {"status": "reloaded", "notices": []})
        async with server.connect("model=ada", headers=KEY) as client:
            assert await said(client) == "New"
        gate.set()


async def test_nobody_reloads_without_a_key() -> None:
    async with (
        serving_models(ada(Workshop()), api_keys=["sk-1"]) as server,
        server.http.post(f"{server.url}/admin/reload") as answer,
    ):
        assert answer.status == 401
    async with serving() as server:
        status, body = await reloaded(server)
    assert (status, body["error"]["code"]) == (401, "no_api_keys")


async def test_a_session_names_a_transcription_model() -> None:
    workshop = Workshop()
    whisper = ModelPlan(
        name="whisper-1", engines={"stt": workshop.ref("stt", "w", texts=["from whisper"])}
    )
    own = workshop.ref("stt", "own", texts=["from my own"])
    catalogue = catalogue_of(whisper, workshop.pipeline("ada", own))
    item = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_audio", "audio": "AAAA" * 3200}],
    }
    completed = "conversation.item.input_audio_transcription.completed"
    heard = []
    async with serving_models(catalogue) as server, server.connect("model=ada") as client:
        for name in ("whisper-1", "gpt-4o-transcribe"):
            audio = {"input": {"transcription": {"model": name}}}
            await client.send("session.update", session={"type": "realtime", "audio": audio})
            await client.send("conversation.item.create", item=item)
            heard.append((await client.until(completed))["transcript"])
    assert heard == ["from whisper", "from my own"]
