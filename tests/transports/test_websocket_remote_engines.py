"""A conversation on engines of another process is the one that it is on engines of its own."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any, ClassVar

import pytest

from support.cued_model import REPLIES
from support.remote_engines import hosted
from support.server import Client, serving_models
from support.sound import silence, tone
from support.streaming_recognizer import TellingRecognizer
from vivavoce.engines.llm.reply_script import parse_reply_script
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.registry import Slot
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.runtime.catalogue import Catalogue, EngineRef, ModelPlan
from vivavoce.runtime.remote_engines import hosted_part, is_heavy, with_remote_engines

HEARD = "conversation.item.input_audio_transcription.delta"
ID = re.compile(r"\b(item|resp|call|conv)_\w{15,}")
SPEAKS: dict[str, Any] = {"input": {"transcription": {"model": "any"}}}
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


class HeavyRecognizer(ScriptedRecognizer):
    name: ClassVar[str] = "heavy"


class HeavyStreams(TellingRecognizer):
    name: ClassVar[str] = "heavy"


class HeavyModel(ScriptedModel):
    name: ClassVar[str] = "heavy"


class HeavyVoice(ScriptedSynthesizer):
    name: ClassVar[str] = "heavy"


def catalogue(streams: bool) -> Catalogue:
    refs = (
        EngineRef("vad", "vad", ScriptedDetector),
        EngineRef(
            "stt",
            "stt",
            HeavyStreams if streams else lambda: HeavyRecognizer("What is this?", deltas=True),
        ),
        EngineRef("llm", "llm", lambda: HeavyModel(parse_reply_script(REPLIES, "replies"))),
        EngineRef("tts", "tts", HeavyVoice),
    )
    engines: dict[Slot, EngineRef] = {ref.slot: ref for ref in refs}
    return Catalogue(plans={"m": ModelPlan(name="m", engines=engines)}, default="m")


async def conversation(client: Client) -> None:
    """Speech, a text, a tool call, a failure, and an answer that is cancelled."""
    await client.update(audio=SPEAKS, tools=[WEATHER])
    await client.append(silence(320) + tone(700) + silence(700))
    await client.until("response.done")
    for text in ("Hello.", "both", "break", "And now?"):
        await client.say(text)
        await client.send("response.create")
        await client.until("response.done")
    await client.say("A long one, please. " * 30)
    await client.send("response.create")
    await client.until("response.output_audio.delta")
    await client.send("response.cancel")
    await client.until("response.done")


def told(client: Client) -> dict[str, list[Any]]:
    """What was told of each item and response, in its order, without what differs by chance.

    What was cancelled is left out: how far it came is a matter of time. So is, on one's own engines
    too, when what was heard is told while somebody speaks.
    """
    numbers: dict[str, str] = {}
    of: defaultdict[str, list[Any]] = defaultdict(list)

    def number(found: re.Match[str]) -> str:
        return numbers.setdefault(found[0], f"{found[1]}{len(numbers)}")

    last = client.of("response.done")[-1]["response"]
    cancelled = {last["id"], *(item["id"] for item in last["output"])}
    for event in client.events:
        part = event.get("item") or event.get("response") or {}
        whose = event.get("item_id") or event.get("response_id") or part.get("id", "")
        if whose in cancelled:
            continue
        if event["type"] == HEARD:
            of[f"{ID.sub(number, whose)} as it is heard"].append(event["delta"])
            continue
        shown = {key: value for key, value in event.items() if key not in ("event_id", "session")}
        of[ID.sub(number, whose)].append(ID.sub(number, repr(shown)))
    heard = {whose: ["".join(said)] for whose, said in of.items() if whose.endswith("heard")}
    return {**of, **heard}


@pytest.mark.parametrize("streams", [False, True], ids=["whole", "streaming"])
async def test_every_event_is_the_same(streams: bool, tmp_path: Path) -> None:
    here = catalogue(streams)
    assert [slot for slot, ref in here.plans["m"].engines.items() if is_heavy(ref)] == [
        "stt",
        "llm",
        "tts",
    ]
    async with serving_models(here, speculate=False) as server, server.connect() as client:
        await conversation(client)
        expected = told(client)
    async with hosted(hosted_part(catalogue(streams)), tmp_path, None) as address:
        remote = with_remote_engines(catalogue(streams), RemoteHost(address))
        async with serving_models(remote, speculate=False) as server, server.connect() as client:
            await conversation(client)
            found = told(client)
    assert len(expected) > 10
    assert found == expected
