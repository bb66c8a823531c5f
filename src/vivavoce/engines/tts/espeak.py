"""Speech by espeak-ng: a small, quick, robotic voice in over a hundred languages.

espeak-ng is licensed under the GPL 3.0. This process only starts the one that loads it.
"""

import ctypes.util
import importlib.util
import os
import re
from collections.abc import AsyncGenerator
from typing import ClassVar

from vivavoce.engines.base import (
    EngineError,
    MissingDependencyError,
    SpeechChunk,
    UnspokenLanguageError,
    Voice,
)
from vivavoce.engines.child import ChildPool
from vivavoce.engines.tts import espeak_child
from vivavoce.engines.tts.espeak_child import Speak, Spoken
from vivavoce.engines.tts.word_times import word_timings
from vivavoce.protocol.voices import Voices

VOICES = {
    "alloy": "en-us+f2",
    "ash": "en-us+m3",
    "ballad": "en+m7",
    "coral": "en-us+f3",
    "echo": "en-us+m1",
    "sage": "en-gb-scotland+f1",
    "shimmer": "en-us+f4",
    "verse": "en-us+m8",
    "marin": "en-us+f5",
    "cedar": "en-us+m2",
    "fable": "en+m5",
    "nova": "en-us+f1",
    "onyx": "en-us+m4",
}
"""OpenAI's names, and the espeak-ng voices that answer to them; `en` is British English."""

NORMAL_PACE = 165
"""Words per minute at speed 1.0."""

SLOWEST_PACE = 80
"""Words per minute: espeak-ng's limit. What is slower has pauses between the words."""

_GAP_MS = 33
"""Milliseconds that one unit of word gap lasts at the slowest pace, as measured with 1.52."""

_OTHER_TAGS = {"en-gb": "en", "no": "nb", "zh": "cmn"}
"""Languages that espeak-ng calls by another tag than clients do."""

# MBROLA's voices (mb-...) have other sample rates.
_ESPEAK_VOICE = re.compile(r"(?a)(?!mb-)[a-z]{2,3}(-[a-z0-9]+)*(\+[\w -]+)?")

# Control characters (a NUL ends the text, and 1 begins a command to espeak-ng) and lone surrogates.
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class EspeakSynthesizer:
    """Speaks through espeak-ng in child processes.

    `processes` is the greatest number of them; by default one for each processor core, but not
    more than two. The first starts with `load`, the second when it is needed.

    `Voice.name` is one of OpenAI's names (`VOICES`), or a language that espeak-ng knows, with a
    variant if wished: `de`, `en-us+m3`. `Voice.language` turns one of the former to that language
    (BCP 47, looked up as in RFC 4647, 3.4), keeping its variant. `Voice.speed` is the pace in
    parts of 165 words per minute.
    """

    name: ClassVar[str] = "espeak"

    sample_rate = espeak_child.SAMPLE_RATE

    voices = Voices(
        names=tuple(VOICES),
        others=_ESPEAK_VOICE.pattern,
        note="A language of espeak-ng does too, with a variant if wished: de, en-us+m3.",
    )

    def __init__(self, processes: int | None = None) -> None:
        self._pool = ChildPool(
            self.name,
            espeak_child.__name__,
            Spoken,
            size=min(2, os.cpu_count() or 1) if processes is None else processes,
        )

    @property
    def pids(self) -> list[int]:
        """The process ids of the child processes."""
        return self._pool.pids

    def load(self) -> None:
        """Start the first process. Raises `MissingDependencyError` without the library."""
        packaged = importlib.util.find_spec("espeakng_loader") is not None
        if not packaged and ctypes.util.find_library("espeak-ng") is None:
            raise MissingDependencyError(
                "espeak-ng is not installed; pip install 'vivavoce[demo]' brings it, or the "
                "package libespeak-ng1 of Debian and Ubuntu (espeak-ng elsewhere)"
            )
        self._pool.start()

    async def close(self) -> None:
        """End the processes."""
        await self._pool.close()

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        """Speak `text`, in chunks of at most 80 ms and with a short pause at the end.

        A minute of speech takes about 50 ms to make, so all of a text is made before its first
        chunk is handed on. A listener who reads at the pace of playing then does not keep a
        process from others. Raises `EngineError` for a voice that does not exist, and
        `UnspokenLanguageError`.
        """
        request = _request(text, voice)
        if not request.text.strip():
            return
        spoken = [part async for part in self._pool.request(request)]
        if spoken and spoken[0].no_voice:
            raise _no_voice(request.voices[0], voice)
        samples_per_ms = self.sample_rate / 1000
        length = sum(len(part.audio) for part in spoken) // 2
        marks = [mark for part in spoken for mark in part.words]
        words = word_timings(text, marks, int(length / samples_per_ms))
        given, position = 0, 0
        for part in spoken:
            if not part.audio:
                continue
            position += len(part.audio) // 2
            until = given
            while until < len(words) and (
                position == length or words[until].start_ms * samples_per_ms < position
            ):
                until += 1
            yield SpeechChunk(part.audio, words[given:until])
            given = until


def _request(text: str, voice: Voice) -> Speak:
    gap_ms = 60_000 / (NORMAL_PACE * voice.speed) - 60_000 / SLOWEST_PACE
    return Speak(
        text=_UNSPEAKABLE.sub(" ", text),
        voices=_espeak_voices(voice),
        words_per_minute=max(SLOWEST_PACE, round(NORMAL_PACE * voice.speed)),
        word_gap=max(0, round(gap_ms / _GAP_MS)),
    )


def _no_voice(tried: str, voice: Voice) -> EngineError:
    """What espeak-ng lacks: the voice that was named, or one for the language."""
    text = (
        f"espeak-ng has no voice {tried!r}: a voice is a language such as en-us or de, with a "
        "variant if wished such as +f2, +m3 or +whisper"
    )
    return UnspokenLanguageError(text) if voice.name in VOICES else EngineError(text)


def _espeak_voices(voice: Voice) -> tuple[str, ...]:
    """Give the espeak-ng voices that would do, the best first."""
    name = VOICES.get(voice.name)
    if name is None:
        if not _ESPEAK_VOICE.fullmatch(voice.name):
            raise EngineError(
                f"no voice {voice.name!r}: name one of {', '.join(VOICES)}, or a language of "
                "espeak-ng with a variant if wished, such as de or en-us+m3"
            )
        base, plus, variant = voice.name.partition("+")
        return (_OTHER_TAGS.get(base, base) + plus + variant,)
    base, variant = name.split("+")
    language = (voice.language or base).lower().replace("_", "-")
    if language.split("-")[0] == base.split("-")[0]:
        return (name,)
    if not _ESPEAK_VOICE.fullmatch(language):
        raise UnspokenLanguageError(
            f"no language {voice.language!r}: give a tag such as de or pt-BR"
        )
    subtags = language.split("-")
    tags = ["-".join(subtags[:end]) for end in range(len(subtags), 0, -1)]
    return tuple(f"{_OTHER_TAGS.get(tag, tag)}+{variant}" for tag in tags)
