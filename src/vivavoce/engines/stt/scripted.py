"""A recogniser that acts out a script: fixed texts, at a set pace, and failures."""

import asyncio
import itertools
import re
from collections.abc import Callable, Sequence
from typing import ClassVar

from vivavoce.audio.units import INNER_RATE
from vivavoce.engines.base import EngineError, Hint, Sleep, Transcript

_WORD = re.compile(r"\s*\S+")


class ScriptedRecognizer:
    """Hears what its script says, whatever was spoken.

    `texts` (one may be given as a string) are taken in turn, one for each utterance, and again
    from the first. In a text, `{ms}` stands for the length of the utterance in milliseconds and
    `{number}` for how many utterances there have been, this one included. A text that is None
    fails with `EngineError`. Each utterance takes `delay_ms`; with `deltas` its words come one by
    one in that time. `languages`, taken in turn too, are what it says was spoken (ISO 639-1).
    """

    name: ClassVar[str] = "scripted"

    sample_rate = INNER_RATE  # so that nothing is converted that nobody listens to

    def __init__(
        self,
        texts: str | Sequence[str | None] = ("{ms} milliseconds of speech",),
        delay_ms: float = 0,
        deltas: bool = False,
        *,
        languages: Sequence[str | None] = (None,),
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        if not texts:
            raise EngineError("the scripted recogniser needs at least one text")
        if not languages:
            raise EngineError("the scripted recogniser needs at least one language, or none")
        self._script = itertools.cycle([texts] if isinstance(texts, str) else texts)
        self._languages = itertools.cycle(languages)
        self._delay_s = delay_ms / 1000
        self._deltas = deltas
        self._sleep = sleep
        self._number = itertools.count(1)

    def load(self) -> None:
        """Do nothing: there is nothing to load."""

    async def close(self) -> None:
        """Do nothing: there is nothing to free."""

    async def recognize(
        self,
        audio: bytes,
        hint: Hint,  # noqa: ARG002 (the script decides)
        on_delta: Callable[[str], None],
    ) -> Transcript:
        """Give the next text of the script; raises `EngineError` where the script says so."""
        text, number = next(self._script), next(self._number)
        language = next(self._languages)
        if text is None:
            await self._sleep(self._delay_s)
            raise EngineError(f"the script makes utterance {number} fail")
        ms = len(audio) // 2 * 1000 // self.sample_rate
        text = text.strip().replace("{ms}", str(ms)).replace("{number}", str(number))
        pieces = _WORD.findall(text) if self._deltas else []
        for piece in pieces:
            await self._sleep(self._delay_s / len(pieces))
            on_delta(piece)
        if not pieces:
            await self._sleep(self._delay_s)
        return Transcript(text=text, language=language)
