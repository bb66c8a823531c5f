"""A language model that pauses where a test wants it to, and remembers what it was asked."""

import asyncio
from collections.abc import AsyncGenerator

from vivavoce.engines.base import ModelOutput
from vivavoce.engines.llm.reply_script import parse_reply_script
from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.protocol.prompt import Prompt

REPLIES = """
rules:
  - {event: opening, say: Hello.}
  - {event: inaudible, say: "Pardon?"}
  - {event: silence, say: "Are you there?"}
  - {when: slowly, say: One moment. Well. Yes., token_ms: 1}
  - {when: break, say: I was, fail: {code: server_error, message: The model is out of memory.}}
  - when: carefully
    call: {tool: get_weather, arguments: {city: Rome}}
    token_ms: 1
  - when: both
    call:
      - {tool: get_weather, arguments: {city: Rome}}
      - {tool: get_weather, arguments: {city: Oslo}}
  - when: weather in (?P<city>\\w+)
    call: {tool: get_weather, arguments: {city: "{city:title}"}}
    after_tool: "In {city:title} it is {result}."
  - {say: "I heard: {heard}."}
"""


class CuedModel(ScriptedModel):
    """A scripted model; a pause of its script, however short, lasts until `cue` is set.

    So an answer with `token_ms` stops behind its first word, or behind so many `words`. `prompts`
    are all it was asked.
    """

    def __init__(self, replies: str = REPLIES, *, words: int = 1) -> None:
        super().__init__(parse_reply_script(replies, "replies"), sleep=self._pause)
        self.cue = asyncio.Event()
        self.prompts: list[Prompt] = []
        self._skipped = words - 1

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        self.prompts.append(prompt)
        async for output in super().generate(prompt):
            yield output

    async def _pause(self, seconds: float) -> None:
        if seconds and self._skipped:
            self._skipped -= 1
        elif seconds:
            await self.cue.wait()
