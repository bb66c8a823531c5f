"""The language of a model holds wherever the model is asked: in sessions and over HTTP."""

import threading
from collections.abc import Callable
from typing import Any

from support.named_models import Workshop, catalogue_of
from support.rest import openai_client, wav_file
from support.server import serving_models
from support.sound import utterance
from vivavoce.engines.base import Hint, Transcript
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.runtime.catalogue import Catalogue, ModelPlan
from vivavoce.runtime.models import Models

ITEM = {
    "type": "message",
    "role": "user",
    "content": [{"type": "input_audio", "audio": "AAAA" * 3200}],
}
COMPLETED = "conversation.item.input_audio_transcription.completed"


class Listener(ScriptedRecognizer):
    """Writes down in which language it was to listen."""

    def __init__(self, told: list[str | None]) -> None:
        super().__init__(["Words."] * 9)
        self._told = told

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        self._told.append(hint.language)
        return await super().recognize(audio, hint, on_delta)


class Speaker(ScriptedSynthesizer):
    """Writes down in which language it was to speak."""

    def __init__(self, told: list[str | None]) -> None:
        super().__init__()
        self._told = told

    def synthesize(self, text: str, voice: Any) -> Any:
        self._told.append(voice.language)
        return super().synthesize(text, voice)


def two_models(told: list[str | None]) -> Catalogue:
    """One that converses in German, and a recogniser of French."""
    workshop = Workshop()
    german = workshop.pipeline(
        "ada",
        workshop.ref("stt", "de", kind=Listener, told=told),
        workshop.ref("tts", "de", kind=Speaker, told=told),
        limits={"language": "de"},
    )
    french = ModelPlan(
        name="ears",
        engines={"stt": workshop.ref("stt", "fr", kind=Listener, told=told)},
        limits={"language": "fr"},
    )
    return catalogue_of(german, french)


async def test_over_http() -> None:
    told: list[str | None] = []
    async with serving_models(two_models(told)) as server, openai_client(server) as client:
        for model in ("ada", "ears"):
            await client.audio.transcriptions.create(model=model, file=wav_file(utterance(500)))
        await client.audio.speech.create(
            model="ada", voice="alloy", input="Hallo.", response_format="pcm"
        )
    assert told == ["de", "fr", "de"]


async def test_in_a_transcription_session_with_the_recogniser_of_the_default_model() -> None:
    told: list[str | None] = []
    async with (
        serving_models(two_models(told)) as server,
        server.connect("intent=transcription") as client,
    ):
        transcription = {"model": "anything"}
        audio = {"input": {"transcription": transcription, "turn_detection": None}}
        await client.send("session.update", session={"type": "transcription", "audio": audio})
        await client.append(utterance(500))
        await client.send("input_audio_buffer.commit")
        await client.until(COMPLETED)
    assert told == ["de"]


async def test_a_recogniser_that_is_named_brings_its_own_language() -> None:
    told: list[str | None] = []
    catalogue = two_models(told)
    plans = {**catalogue.plans, "ada": Workshop().pipeline("ada")}
    async with (
        serving_models(Catalogue(plans=plans)) as server,
        server.connect("model=ada") as client,
    ):
        for more in ({}, {"language": "it"}):
            audio = {"input": {"transcription": {"model": "ears", **more}}}
            await client.send("session.update", session={"type": "realtime", "audio": audio})
            await client.send("conversation.item.create", item=ITEM)
            await client.until(COMPLETED)
    assert told == ["fr", "it"]


async def test_a_session_has_what_its_model_said_when_it_was_asked_for() -> None:
    workshop = Workshop()
    gate = workshop.may_load["slow"] = threading.Event()
    slow = workshop.pipeline("ada", workshop.ref("llm", "slow"), limits={"speculate": "off"})
    async with Models(catalogue_of(slow)) as models:
        pipeline = models.hold("ada")
        await models.reload(catalogue_of(workshop.pipeline("ada", limits={"speculate": "speak"})))
        gate.set()
        await pipeline.load()
        assert pipeline.limits == {"speculate": "off"}
        pipeline.release()


async def test_a_session_that_names_its_recogniser_at_once_has_that_ones_language() -> None:
    async with Models(two_models([])) as models:
        for name, language in (("ears", "fr"), ("anything", "de")):
            pipeline = models.hold_recognizer(name)
            assert pipeline.limits["language"] == language
            pipeline.release()
