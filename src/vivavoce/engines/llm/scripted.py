"""The built-in language model: it follows a reply script, and holds no weights.

Its default script is a small real conversation that works straight after installation. Scripts
of one's own make every answer, tool call, delay and failure of a test the same each time::

    model = ScriptedModel(Path("replies.yaml"))
    model.load()
    async for output in model.generate(Prompt(messages=(Message(role="user", text="Hi!"),))):
        ...

How to write a script stands in `reply_script`.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import ClassVar, Self

from vivavoce.engines.base import (
    EngineError,
    Generated,
    ModelOutput,
    Sleep,
    TextDelta,
    ToolCallDelta,
)
from vivavoce.engines.llm.reply import Reply, compose_reply
from vivavoce.engines.llm.reply_rules import ReplyScript
from vivavoce.engines.llm.reply_script import ReplyScriptError, parse_reply_script
from vivavoce.protocol.prompt import Prompt

logger = logging.getLogger(__name__)

DEFAULT_SCRIPT = "default_script.yaml"

# A word, with the white space before it; white space at the very end belongs to the last word.
_TOKEN = re.compile(r"\s*\S+(?:\s+\Z)?|\s+")
# Of JSON: a run of letters and digits, or of signs. So pieces end inside of strings and numbers, as
# those of real models do, and clients learn to wait for the last one.
_JSON_TOKEN = re.compile(r"\s*(?:\w+|[^\w\s]+)")


class ScriptedModel:
    """A language model that follows a reply script.

    `script` is the path of a YAML file, or a script that is read already; without one, the
    built-in conversation is used. `clock` gives the local time that the script may tell, `sleep`
    makes its pauses. A word counts as one token, and so does each piece of a call's arguments:
    `{"`, `minutes`, `":`, ` 5`, `}`.
    """

    name: ClassVar[str] = "scripted"

    def __init__(
        self,
        script: ReplyScript | Path | str | None = None,
        *,
        clock: Callable[[], datetime] = datetime.now,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._source = script
        self._clock = clock
        self._sleep = sleep
        self._script: ReplyScript | None = None

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from the path of its script, as in `--llm scripted:replies.yaml`."""
        return cls(spec)

    def load(self) -> None:
        """Read and check the script; raises `ReplyScriptError`."""
        match self._source:
            case None:
                self._script = parse_reply_script(default_script_text(), DEFAULT_SCRIPT)
            case ReplyScript():
                self._script = self._source
            case path:
                self._script = read_script(Path(path))

    async def close(self) -> None:
        """Nothing is held."""

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        """Answer by the first rule that fits, word by word.

        Raises `EngineError` where a rule says `fail`, calls a tool that is not offered, or no
        rule fits.
        """
        if self._script is None:
            raise RuntimeError("load() comes before generate()")
        reply = self._reply(self._script, prompt)
        wanted = _tokens(reply)
        given = wanted[: prompt.max_output_tokens]
        await self._sleep(reply.delay_ms / 1000)
        for number, token in enumerate(given):
            if number:
                await self._sleep(reply.token_ms / 1000)
            yield token
        cut = len(given) < len(wanted)
        if reply.failure is not None and not cut:
            raise EngineError(reply.failure.message, code=reply.failure.code)
        yield Generated(
            reason="length" if cut else "stop",
            input_tokens=_count_words(prompt),
            output_tokens=len(given),
        )

    def _reply(self, script: ReplyScript, prompt: Prompt) -> Reply:
        """The reply by the script. What it lacks is a client's to know, its path is the log's."""
        try:
            return compose_reply(script, prompt, self._clock())
        except EngineError as error:
            logger.warning("%s: %s", script.source, error)
            raise


def read_script(path: Path) -> ReplyScript:
    """Read a reply script from a file; raises `ReplyScriptError`."""
    return parse_reply_script(read_text(path), str(path))


def read_text(path: Path) -> str:
    """Read the text of a script; raises `ReplyScriptError`."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ReplyScriptError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ReplyScriptError(f"{path}: is not UTF-8 text: {error}") from error


def default_script_text() -> str:
    """Read the text of the script that comes with Vivavoce."""
    return resources.files("vivavoce.engines.llm").joinpath(DEFAULT_SCRIPT).read_text("utf-8")


def _tokens(reply: Reply) -> list[TextDelta | ToolCallDelta]:
    tokens: list[TextDelta | ToolCallDelta] = [TextDelta(t) for t in _TOKEN.findall(reply.text)]
    for index, call in enumerate(reply.calls):
        first, *others = _JSON_TOKEN.findall(call.arguments)
        tokens.append(ToolCallDelta(index=index, name=call.name, arguments=first))
        tokens += [ToolCallDelta(index=index, arguments=piece) for piece in others]
    return tokens


def _count_words(prompt: Prompt) -> int:
    texts = [prompt.instructions, *(message.text for message in prompt.messages)]
    return sum(len(text.split()) for text in texts)
