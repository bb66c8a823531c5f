"""Secrets for browsers (protocol 1.2, 9 rows 120 and 121)."""

import time
from typing import Any

import pytest
from openai import AsyncOpenAI, AuthenticationError
from openai.types.realtime import ClientSecretCreateResponse

from support.named_models import Workshop, catalogue_of
from support.sdk_client import SdkClient
from support.sdk_types import SENT_BUT_UNDECLARED, undeclared
from support.server import Event, LiveServer, serving, serving_models
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.session_config import RealtimeSession, merge
from vivavoce.protocol.voices import Voices
from vivavoce.runtime.client_secrets import ClientSecrets
from vivavoce.runtime.clock import Clock

API_KEY = "sk-1"
SECRET_KEY = "of thirty-two letters, or of more"
KEYED: dict[str, Any] = {"api_keys": [API_KEY], "secret_key": SECRET_KEY}

PIRATE: dict[str, Any] = {
    "type": "realtime",
    "model": "gpt-realtime",
    "instructions": "Speak like a pirate.",
    "output_modalities": ["text"],
    "tools": [{"type": "function", "name": "sail"}],
    "audio": {"input": {"turn_detection": None}, "output": {"voice": "marin"}},
}


VOICE = {"output": {"voice": "cleo"}}
OUTPUT_VOICE = "session.audio.output.voice"
NOISE = {"input": {"noise_reduction": {"type": "near_field"}}}
NOISE_REDUCTION = "session.audio.input.noise_reduction"


async def ask(server: LiveServer, body: object, *, status: int = 200, key: str = API_KEY) -> Event:
    """Ask for a secret; gives the answer, or its error."""
    url = f"{server.url}/realtime/client_secrets"
    headers = {"Authorization": f"Bearer {key}"}
    async with server.http.post(url, json=body, headers=headers) as answer:
        content: Event = await answer.json()
        assert answer.status == status, content
    if status != 200:
        error: Event = content["error"]
        assert error["type"] == "invalid_request_error"
        return error
    made = ClientSecretCreateResponse.model_validate(content)
    assert {f"session.{key}" for key in undeclared(made.session)} <= SENT_BUT_UNDECLARED
    return content


def bearer(key: str) -> dict[str, str]:
    """The header with a key."""
    return {"Authorization": f"Bearer {key}"}


async def test_the_answer_shows_the_whole_session_and_when_the_secret_expires() -> None:
    async with serving(**KEYED) as server:
        before = int(time.time())
        made = await ask(server, {"session": PIRATE})
        assert set(made) == {"value", "expires_at", "session"}
        assert made["value"].startswith("ek_")
        assert before + 600 <= made["expires_at"] <= time.time() + 600
        shown = made["session"]
        assert shown["object"] == "realtime.session"
        assert shown["id"].startswith("sess_")
        assert shown["expires_at"] == 0
        assert shown["audio"]["output"]["speed"] == 1.0
        async with server.connect("", headers=bearer(made["value"])) as client:
            started = client.events[0]["session"]
            assert started["expires_at"] > 0
            own = {"id", "expires_at"}
            assert {key: started[key] for key in started.keys() - own} == {
                key: shown[key] for key in shown.keys() - own
            }
            assert started["instructions"] == "Speak like a pirate."


async def test_a_browser_carries_it_as_a_subprotocol() -> None:
    async with serving(**KEYED) as server:
        value = (await ask(server, {"session": PIRATE}))["value"]
        protocols = ("realtime", f"openai-insecure-api-key.{value}")
        async with server.connect("", protocols=protocols) as client:
            assert client.socket.protocol == "realtime"
            assert client.events[0]["session"]["audio"]["output"]["voice"] == "marin"


async def test_a_bound_transcription_session() -> None:
    wanted = {"type": "transcription", "audio": {"input": {"transcription": {"model": "x"}}}}
    async with serving(**KEYED) as server:
        made = await ask(server, {"session": wanted})
        assert made["session"]["object"] == "realtime.transcription_session"
        async with server.connect("", headers=bearer(made["value"])) as client:
            started = client.events[0]["session"]
            assert started["type"] == "transcription"
            assert started["audio"]["input"]["transcription"]["model"] == "x"


@pytest.mark.parametrize("query", ["", "model=another", "intent=transcription"])
async def test_what_is_bound_counts_more_than_the_url(query: str) -> None:
    async with serving(**KEYED) as server:
        value = (await ask(server, {"session": PIRATE}))["value"]
        async with server.connect(query, headers=bearer(value)) as client:
            assert client.events[0]["session"]["model"] == "gpt-realtime"


@pytest.mark.parametrize("body", [{}, {"session": {"type": "realtime"}}, {"session": None}])
async def test_a_model_that_is_not_bound_comes_from_the_url(body: object) -> None:
    async with serving(**KEYED, instructions="Be kind.") as server:
        made = await ask(server, body)
        assert made["session"]["instructions"] == "Be kind."
        async with server.connect("model=any", headers=bearer(made["value"])) as client:
            assert client.events[0]["session"]["model"] == "any"
        async with server.connect("", headers=bearer(made["value"]), greeted=False) as client:
            assert (await client.error())["code"] == "missing_model"


class ChoosySynthesizer(ScriptedSynthesizer):
    """Says which voices it has."""

    voices = Voices(names=("anna",))


@pytest.mark.parametrize(
    ("path", "body"),
    [("client_secrets", {"session": {"type": "realtime", "model": ""}}), ("sessions", {})],
)
async def test_a_session_of_any_model_begins_with_the_defaults_of_the_one_it_gets(
    path: str, body: dict[str, Any]
) -> None:
    workshop = Workshop()
    boats = workshop.pipeline("b", defaults={"instructions": "Speak only of boats."})
    async with serving_models(catalogue_of(workshop.pipeline("a"), boats)) as server:
        async with server.http.post(f"{server.url}/realtime/{path}", json=body) as answer:
            made = await answer.json()
        value = made.get("value") or made["client_secret"]["value"]
        async with server.connect("model=b", headers=bearer(value)) as client:
            session = client.events[0]["session"]
    assert (session["model"], session["instructions"]) == ("b", "Speak only of boats.")


class Unchanged:
    """A noise reducer that leaves the noise as it is."""

    name = "unchanged"

    def load(self) -> None: ...

    async def close(self) -> None: ...

    def open_stream(self, kind: str) -> "Unchanged":
        return self

    def reduce(self, pcm: bytes) -> bytes:
        return pcm


@pytest.mark.parametrize(("audio", "param"), [(VOICE, OUTPUT_VOICE), (NOISE, NOISE_REDUCTION)])
async def test_what_the_model_of_the_url_does_not_take_is_refused(
    audio: dict[str, Any], param: str
) -> None:
    workshop = Workshop()
    choosy = workshop.pipeline("b", workshop.ref("tts", "choosy", ChoosySynthesizer))
    quiet = workshop.pipeline("a", workshop.ref("noise", kind=Unchanged))
    async with serving_models(catalogue_of(quiet, choosy)) as server:
        value = (await ask(server, {"session": {"type": "realtime", "audio": audio}}))["value"]
        async with server.connect("model=a", headers=bearer(value)) as client:
            assert client.events[0]["session"]["model"] == "a"
        async with server.connect("model=b", headers=bearer(value), greeted=False) as client:
            assert (await client.error())["param"] == param
            assert (await client.until_closed()).code == 4000


async def test_a_session_that_lost_its_noise_reduction_is_heard_as_it_is_sent() -> None:
    # The secret was made when its model had some.
    wanted = {"type": "realtime", "audio": NOISE}
    session = merge(RealtimeSession(model="a"), wanted, HearingAbilities(reduces_noise=True))
    secret = ClientSecrets(SECRET_KEY, Clock()).mint(session, 600)
    models = catalogue_of(Workshop().pipeline("a"))
    async with (
        serving_models(models, secret_key=SECRET_KEY) as server,
        server.connect("", headers=bearer(secret.value)) as client,
    ):
        await client.append(bytes(4800))
        await client.send("input_audio_buffer.clear")
        await client.until("input_audio_buffer.cleared")


@pytest.mark.parametrize(
    ("path", "session", "param"),
    [
        ("client_secrets", {"session": PIRATE | {"audio": VOICE}}, OUTPUT_VOICE),
        ("sessions", {"model": "gpt-realtime", "voice": "cleo"}, "voice"),
    ],
)
async def test_a_voice_that_is_not_there_is_refused(path: str, session: Event, param: str) -> None:
    async with (
        serving(tts=ChoosySynthesizer()) as server,
        server.http.post(f"{server.url}/realtime/{path}", json=session) as answer,
    ):
        error = (await answer.json())["error"]
    assert (answer.status, error["code"], error["param"]) == (400, "invalid_value", param)
    assert "'anna'" in error["message"]


@pytest.mark.parametrize("seconds", [10, 7200])
async def test_the_shortest_and_the_longest_life(seconds: int) -> None:
    async with serving(**KEYED) as server:
        before = int(time.time())
        asked = {"expires_after": {"anchor": "created_at", "seconds": seconds}}
        made = await ask(server, asked)
        assert before + seconds <= made["expires_at"] <= time.time() + seconds


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"expires_after": {"seconds": 9}}, "integer_below_min_value", "expires_after.seconds"),
        ({"expires_after": {"seconds": 7201}}, "integer_above_max_value", "expires_after.seconds"),
        ({"expires_after": {"seconds": "600"}}, "invalid_type", "expires_after.seconds"),
        ({"expires_after": {"anchor": "now"}}, "invalid_value", "expires_after.anchor"),
        ({"expires_in": 60}, "unknown_parameter", "expires_in"),
        ({"session": {}}, "missing_required_parameter", "session.type"),
        ({"session": {"type": "translation"}}, "invalid_value", "session.type"),
        ({"session": {"type": ["realtime"]}}, "invalid_value", "session.type"),
        ({"session": "realtime"}, "invalid_type", "session"),
        ({"session": PIRATE | {"voice": "marin"}}, "unknown_parameter", "session.voice"),
        ({"session": PIRATE | {"id": "sess_mine"}}, "unknown_parameter", "session.id"),
        ({"session": PIRATE | {"model": 7}}, "invalid_type", "session.model"),
        ([], "invalid_type", None),
    ],
)
async def test_what_cannot_be_had_is_refused_with_the_field(
    body: object, code: str, param: str | None
) -> None:
    async with serving(**KEYED) as server:
        error = await ask(server, body, status=400)
        assert error["code"] == code
        assert error["param"] == param


async def test_a_body_that_is_no_json_is_refused() -> None:
    async with serving(**KEYED) as server:
        url = f"{server.url}/realtime/client_secrets"
        async with server.http.post(url, data=b"{", headers=bearer(API_KEY)) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["code"] == "invalid_json"


async def test_a_session_that_is_too_large_for_a_secret_is_refused() -> None:
    unlike = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(9000))
    async with serving(**KEYED) as server:
        error = await ask(server, {"session": PIRATE | {"instructions": unlike}}, status=400)
        assert (error["code"], error["param"]) == ("session_too_large", "session")


async def test_the_largest_secret_still_opens_a_session() -> None:
    async with serving(**KEYED) as server:
        unlike = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(5200))
        value = (await ask(server, {"session": PIRATE | {"instructions": unlike}}))["value"]
        assert len(value) > 15 * 1024
        protocols = ("realtime", f"openai-insecure-api-key.{value}")
        for carrier in ({"headers": bearer(value)}, {"protocols": protocols}):
            async with server.connect("", **carrier) as client:
                assert client.events[0]["session"]["instructions"] == unlike


async def test_a_secret_opens_many_sessions_on_every_server_with_the_same_key() -> None:
    async with serving(**KEYED) as here, serving(**KEYED) as there:
        value = (await ask(here, {"session": PIRATE}))["value"]
        for server in (here, there, here):
            async with server.connect("", headers=bearer(value)) as client:
                assert client.events[0]["session"]["instructions"] == PIRATE["instructions"]


@pytest.mark.parametrize(
    ("secret_key", "clock", "message"),
    [
        (SECRET_KEY, Clock(int(time.time()) - 600), "expired"),
        (SECRET_KEY[::-1], Clock(), "not made by this server"),
    ],
)
@pytest.mark.parametrize("settings", [KEYED, {"secret_key": SECRET_KEY}])
async def test_an_expired_or_foreign_secret_is_an_invalid_key(
    secret_key: str, clock: Clock, message: str, settings: dict[str, Any]
) -> None:
    secret = ClientSecrets(secret_key, clock).mint(RealtimeSession(model="x"), 600)
    async with serving(**settings) as server:
        headers = bearer(secret.value)
        async with server.connect("model=x", headers=headers, greeted=False) as client:
            error = await client.error()
            assert error["code"] == "invalid_api_key"
            assert message in error["message"]
            assert secret.value not in error["message"]
            closed = await client.until_closed()
    assert (closed.code, closed.reason) == (3000, "invalid_request_error.invalid_api_key")


async def test_a_secret_makes_no_other_secrets() -> None:
    async with serving(**KEYED) as server:
        value = (await ask(server, {}))["value"]
        error = await ask(server, {}, key=value, status=401)
        assert error["code"] == "invalid_api_key"
        assert "opens sessions only" in error["message"]


async def test_the_sdk_of_openai_makes_a_secret_and_connects_with_it() -> None:
    async with serving(**KEYED) as server:
        async with AsyncOpenAI(base_url=server.url, api_key=API_KEY) as openai:
            made = await openai.realtime.client_secrets.create(
                expires_after={"anchor": "created_at", "seconds": 60},
                session={"type": "realtime", "model": "gpt-realtime", "instructions": "Be brief."},
            )
        assert made.session.type == "realtime"
        assert made.session.instructions == "Be brief."
        async with (
            AsyncOpenAI(base_url=server.url, api_key=made.value, max_retries=0) as openai,
            openai.realtime.connect(model="gpt-realtime") as connection,
        ):
            created = await SdkClient(connection).next()
            assert created.session.instructions == "Be brief."
            with pytest.raises(AuthenticationError):
                await openai.realtime.client_secrets.create()


async def test_without_api_keys_anybody_may_make_one() -> None:
    async with serving() as server:
        value = (await ask(server, {"session": PIRATE}, key="none"))["value"]
        async with server.connect("", headers=bearer(value)) as client:
            assert client.events[0]["session"]["instructions"] == PIRATE["instructions"]
