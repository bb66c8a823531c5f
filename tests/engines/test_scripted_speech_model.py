"""The scripted model that hears and speaks."""

from contextlib import aclosing
from typing import Any

from msgspec.structs import replace

from support.sound import BYTES_PER_MS, tone
from vivavoce.engines.base import AudioDelta, Generated, ModelOutput, TextDelta
from vivavoce.engines.llm.reply_script import parse_reply_script
from vivavoce.engines.llm.scripted_speech import ScriptedSpeechModel
from vivavoce.protocol.prompt import AudioClip, Message, Prompt

SCRIPT = """
rules:
  - {event: inaudible, say: "Pardon?"}
  - {say: "I heard: {heard}."}
"""


def clip(ms: int, number: int = 1) -> AudioClip:
    """So much speech."""
    return AudioClip(item_id=f"item_{number}", start=0, end=24 * ms, pcm=tone(ms))


def prompt(*clips: AudioClip, text: str = "", voice: str | None = "alloy") -> Prompt:
    """A message for each recording, with this text in front of the last."""
    messages = [Message(role="user", speech=(one,)) for one in clips]
    return Prompt(messages=(*messages[:-1], replace(messages[-1], text=text)), voice=voice)


async def answer(asked: Prompt, **options: Any) -> list[ModelOutput]:
    model = ScriptedSpeechModel(parse_reply_script(SCRIPT, "replies.yaml"), **options)
    model.load()
    async with aclosing(model.generate(asked)) as outputs:
        return [output async for output in outputs]


def words(outputs: list[ModelOutput]) -> str:
    return "".join(one.transcript for one in outputs if isinstance(one, AudioDelta))


async def test_it_tells_how_long_the_recording_was() -> None:
    assert words(await answer(prompt(clip(500)))) == "I heard: 500 milliseconds of speech."


async def test_its_sound_is_as_long_as_its_words() -> None:
    outputs = await answer(prompt(clip(500)), hears="yes", ms_per_char=10)
    sound = b"".join(one.audio for one in outputs if isinstance(one, AudioDelta))
    assert len(sound) == len("I heard: yes.") * 10 * BYTES_PER_MS


async def test_texts_are_taken_in_turn_within_a_conversation() -> None:
    asked = prompt(clip(500, 1), clip(500, 2))
    assert words(await answer(asked, hears=["one", "number {number}"])) == "I heard: number 2."


async def test_the_same_prompt_has_the_same_answer() -> None:
    asked = prompt(clip(500, 1), clip(500, 2))
    assert await answer(asked, hears=["one", "two"]) == await answer(asked, hears=["one", "two"])


async def test_what_it_cannot_make_out_it_says_so() -> None:
    assert words(await answer(prompt(clip(500)), hears=[None])) == "Pardon?"


async def test_text_and_speech_of_a_message_belong_together() -> None:
    asked = prompt(clip(500), text="Look:")
    assert words(await answer(asked, hears="here")) == "I heard: Look: here."


async def test_without_a_voice_it_writes() -> None:
    outputs = await answer(prompt(clip(500), voice=None), hears="yes")
    assert "".join(one.text for one in outputs if isinstance(one, TextDelta)) == "I heard: yes."


async def test_it_counts_tokens_of_audio() -> None:
    end = (await answer(prompt(clip(500)), hears="yes", ms_per_char=10))[-1]
    assert isinstance(end, Generated)
    assert (end.input_audio_tokens, end.output_audio_tokens) == (5, 2)
