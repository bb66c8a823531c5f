"""Conversations in two languages, from files as LocalAI has them to the sound of the answers."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from support.server import Client, LiveServer
from vivavoce.app import running
from vivavoce.config import read_settings
from vivavoce.engines.base import Voice
from vivavoce.engines.tts.espeak import EspeakSynthesizer

FILES = {
    "vad.yaml": "name: silero-vad-ggml\nbackend: silero-vad\nparameters: {model: silero.ggml}\n",
    "english.yaml": """
name: english
pipeline: {vad: silero-vad-ggml, transcription: ears, tts: mouth}
system_prompt: Answer in one sentence.
language: en
""",
    "german.yaml": """
name: german
pipeline: {vad: silero-vad-ggml, transcription: ears, tts: mouth}
system_prompt: Antworte in einem Satz.
language: de
""",
    "both.yaml": """
name: both
pipeline: {vad: silero-vad-ggml, transcription: ears, tts: mouth}
system_prompt: Answer in the language of the question.
language: auto
""",
    "ears.yaml": """
name: ears
slot: stt
engine: {engine: scripted, texts: [Number., Zahl., Numoj.], languages: [en, de, xx]}
""",
    "mouth.yaml": "name: mouth\nengine: espeak\n",
}
ANSWER = "The 1234 Salon."
"""Its number is read in the words of the language that is spoken."""

SPEECH = bytes(24_000)
"""Half a second. The recogniser hears what it is told to."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[LiveServer]:
    models = tmp_path / "models"
    models.mkdir()
    for name, text in FILES.items():
        (models / name).write_text(text)
    script = tmp_path / "replies.yaml"
    script.write_text(f"rules: [{{say: {ANSWER}}}]\n")
    (models / "vivavoce.yaml").write_text(f"llm: {{engine: scripted, script: {script}}}\n")
    settings = read_settings(models, {"port": 0})
    async with aiohttp.ClientSession() as http, running(settings) as live:
        yield LiveServer(live.url, http)


async def ask(client: Client) -> tuple[str, float]:
    """Speak, and listen to the answer: the transcript, and the seconds that the answer lasts."""
    await client.append(SPEECH)
    await client.send("input_audio_buffer.commit")
    await client.send("response.create")
    events = await client.all_until("response.done")
    assert events[-1]["response"]["status"] == "completed", events[-1]
    (heard,) = (e for e in events if e["type"].endswith("input_audio_transcription.completed"))
    audio = [e["delta"] for e in events if e["type"] == "response.output_audio.delta"]
    return heard["transcript"], sum(len(base64.b64decode(each)) for each in audio) / 48_000


async def by_espeak(language: str) -> float:
    """The seconds that espeak-ng itself takes for the answer."""
    engine = EspeakSynthesizer(processes=1)
    await asyncio.to_thread(engine.load)
    try:
        voice = Voice(name="marin", language=language)
        chunks = [chunk.audio async for chunk in engine.synthesize(ANSWER, voice)]
    finally:
        await engine.close()
    return sum(map(len, chunks)) / 2 / engine.sample_rate


LISTENING = {
    "input": {"turn_detection": None, "transcription": {"model": "ears"}},
    "output": {"voice": "marin"},
}


async def test_each_model_speaks_its_language(server: LiveServer) -> None:
    lasted = {}
    for model in ("english", "german"):
        async with server.connect(f"model={model}") as client:
            await client.update(audio=LISTENING)
            _, lasted[model] = await ask(client)
    english, german = await by_espeak("en"), await by_espeak("de")
    assert abs(english - german) > 0.2, "or else this test could not tell them apart"
    assert lasted == {
        "english": pytest.approx(english, abs=0.01),
        "german": pytest.approx(german, abs=0.01),
    }


async def test_one_model_answers_in_the_language_that_was_heard(server: LiveServer) -> None:
    async with server.connect("model=both") as client:
        await client.update(audio=LISTENING)
        answers = [await ask(client) for _ in range(3)]
    english, german = await by_espeak("en"), await by_espeak("de")
    assert [heard for heard, _ in answers] == ["Number.", "Zahl.", "Numoj."]
    # No voice speaks the third language, and so it keeps its own.
    lasted = [seconds for _, seconds in answers]
    assert lasted == pytest.approx([english, german, english], abs=0.01)
