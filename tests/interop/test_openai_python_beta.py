"""OpenAI's Python SDK as it was for the beta, in a process of its own (protocol 9, row 135)."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from support.beta_judge import MODEL, beta_judge, environment
from support.server import PATIENCE_S, serving
from vivavoce.engines.stt.scripted import ScriptedRecognizer

SCRIPT = Path(__file__).with_name("beta_script.py")

REPLIES = """
rules:
  - {event: inaudible, say: "Pardon?"}
  - when: story
    say: >-
      Once upon a time there was a lighthouse on a small rock, far out in the grey sea. Its keeper
      was an old woman called Marta, and every evening she climbed two hundred and twelve steps to
      light the lamp. One autumn night a fog came in, so thick that even the great lamp could not
      be seen from the water, and a ship was coming towards the rock.
  - when: weather in (?P<city>\\w+)
    call: {tool: get_weather, arguments: {city: "{city:title}"}}
    after_tool: "In {city:title} it is {result}."
  - {say: "I heard: {heard}."}
"""


async def run_script(url: str, openai_beta: Path) -> Any:
    """What the program wrote."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        SCRIPT,
        url,
        env=environment(openai_beta),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            written, complaints = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    assert process.returncode == 0, complaints.decode()
    return json.loads(written)


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


@pytest.mark.client("openai (Python, beta)", "text")
@pytest.mark.client("openai (Python, beta)", "spoken")
@pytest.mark.client("openai (Python, beta)", "tool")
@pytest.mark.client("openai (Python, beta)", "barge-in")
async def test_a_program_of_the_betas_days(openai_beta: Path) -> None:
    heard = ScriptedRecognizer("good evening")
    async with serving(replies=REPLIES, stt=heard) as server:
        turns = await run_script(server.url, openai_beta)

    written = turns["written"]
    assert of(written, "session.updated")[0]["session"]["temperature"] == 0.7
    assert of(written, "response.text.done")[0]["text"] == "I heard: good morning."

    called = turns["called"]
    assert of(called, "response.function_call_arguments.done")[0]["arguments"] == (
        '{"city": "London"}'
    )
    assert of(called, "response.text.done")[0]["text"] == "In London it is foggy."

    spoken = turns["spoken"]
    completed = of(spoken, "conversation.item.input_audio_transcription.completed")
    assert completed[0]["transcript"] == "good evening"
    said = of(spoken, "response.audio_transcript.done")
    assert said[0]["transcript"] == "I heard: good evening."
    assert of(spoken, "response.audio.delta")

    first, second = of(turns["interrupted"], "response.done")
    assert first["response"]["status_details"]["reason"] == "turn_detected"
    assert of(turns["interrupted"], "conversation.item.truncated")
    assert second["response"]["status"] == "completed"

    session, hearing = turns["secrets"]
    assert (session["model"], session["voice"]) == (MODEL, "ash")
    assert hearing["input_audio_transcription"]["model"] == "whisper-1"
    for made in (session, hearing):
        assert made["client_secret"]["value"].startswith("ek_")


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ({"type": "response.output_text.delta"}, "do not know it"),
        ({"type": "input_audio_buffer.cleared"}, "event_id"),
        ({"type": "input_audio_buffer.cleared", "event_id": "e", "colour": "red"}, "colour"),
        (
            {
                "type": "session.updated",
                "event_id": "e",
                "session": {"id": "s", "object": "realtime.session", "audio": {}},
            },
            "session.audio",
        ),
    ],
)
def test_the_judge_accepts_nothing_else(
    openai_beta: Path, event: dict[str, Any], complaint: str
) -> None:
    with (
        beta_judge(openai_beta) as judge,
        pytest.raises(AssertionError, match=complaint),
    ):
        judge.assert_valid(event)
