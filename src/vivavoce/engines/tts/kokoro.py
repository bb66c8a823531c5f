"""Speech by Kokoro: a natural voice from a model of 82 million parameters, on the processor too.

The package `kokoro-onnx` is MIT, the weights (Kokoro-82M) are Apache 2.0. What turns text into
phonemes, `phonemizer` and espeak-ng, is GPL 3.0: this process only starts the one that loads them.
"""

import importlib.util
import os
import zipfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from vivavoce.engines.base import (
    EngineError,
    MissingDependencyError,
    SpeechChunk,
    UnspokenLanguageError,
    Voice,
)
from vivavoce.engines.child import ChildPool
from vivavoce.engines.onnx_device import execution_provider
from vivavoce.engines.tts import kokoro_child
from vivavoce.engines.tts.kokoro_child import FASTEST, SLOWEST, KokoroSetup, Say
from vivavoce.engines.tts.neural_child import Spoken
from vivavoce.engines.tts.neural_options import cores_for_each, existing_file, usual_processes
from vivavoce.protocol.voices import Voices

VOICES = {
    "alloy": "af_alloy",
    "ash": "am_adam",
    "ballad": "bm_george",
    "coral": "af_bella",
    "echo": "am_echo",
    "sage": "bf_emma",
    "shimmer": "af_sky",
    "verse": "am_michael",
    "marin": "af_heart",
    "cedar": "am_fenrir",
    "fable": "bm_fable",
    "nova": "af_nova",
    "onyx": "am_onyx",
}
"""OpenAI's names, and the voices of Kokoro v1.0 that answer to them."""

LANGUAGES = {
    "a": "en-us",
    "b": "en-gb",
    "e": "es",
    "f": "fr-fr",
    "h": "hi",
    "i": "it",
    "p": "pt-br",
}
"""The first letter of a voice's name, and espeak-ng's name of the language that it speaks.

Kokoro has voices for Japanese and Chinese (`j`, `z`) too; they were trained on other phonemes than
espeak-ng's and are refused here.
"""

MODEL_FILE, VOICES_FILE = "kokoro-v1.0.onnx", "voices-v1.0.bin"
_WHERE = "https://github.com/thewh1teagle/kokoro-onnx/releases"


class KokoroSynthesizer:
    """Speaks through Kokoro in child processes, each with the model of its own (about 400 MB).

    `model` is the path of a model (`kokoro-v1.0.onnx`) and `voices` that of its voices
    (`voices-v1.0.bin`), both from the releases of `thewh1teagle/kokoro-onnx`; nothing is
    downloaded. `device` is `cpu`, `cuda`, `coreml` or `directml`, and nothing else is taken
    instead. `processes` is the greatest number of children, by default two on a processor with
    four cores or more and else one; the first starts with `load`.

    `Voice.name` is one of OpenAI's names (`VOICES`) or one of the file's own. `Voice.language`
    turns one of the former to a voice of that language, of the same sex if there is one.
    `Voice.speed` is within 0.5 and 2.0 here; what is slower is spoken at 0.5.

    Words have exact times where the model reports durations, else those in proportion.
    """

    name: ClassVar[str] = "kokoro"

    sample_rate = kokoro_child.SAMPLE_RATE

    def __init__(
        self, model: str, voices: str, device: str = "cpu", processes: int | None = None
    ) -> None:
        self._model = os.path.expanduser(model)
        self._voices = os.path.expanduser(voices)
        self._device = device
        self._processes = usual_processes() if processes is None else processes
        self._pool: ChildPool[Spoken] | None = None
        self._own: tuple[str, ...] = ()
        """The voices of the file, without those for which there are no phonemes."""

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from the folder that holds the two files under their own names."""
        return cls(os.path.join(spec, MODEL_FILE), os.path.join(spec, VOICES_FILE))

    @property
    def voices(self) -> Voices:
        """OpenAI's names and the file's own; before `load` any name may be one."""
        return Voices(names=(*VOICES, *self._own), others=None if self._own else ".*")

    @property
    def pids(self) -> list[int]:
        """The process ids of the child processes."""
        return [] if self._pool is None else self._pool.pids

    def load(self) -> None:
        """Start the first process, which loads the model.

        Raises `MissingDependencyError` without the package, and `EngineError` for files that are
        not there and for a device that is not to be had.
        """
        if importlib.util.find_spec("kokoro_onnx") is None:
            raise MissingDependencyError(
                "kokoro-onnx is not installed; pip install 'vivavoce[kokoro]' brings it"
            )
        existing_file(self._model, f"{MODEL_FILE} of {_WHERE}")
        existing_file(self._voices, f"{VOICES_FILE} of {_WHERE}")
        self._own = tuple(name for name in voice_names(self._voices) if name[:1] in LANGUAGES)
        setup = KokoroSetup(
            self._model,
            self._voices,
            execution_provider(self._device),
            cores_for_each(self._processes),
        )
        pool = ChildPool(
            self.name, kokoro_child.__name__, Spoken, size=self._processes, setup=setup
        )
        pool.start()
        self._pool = pool

    async def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            await self._pool.close()

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        """Speak `text`, one chunk for each batch of phonemes: mostly, for the whole clause.

        Raises `EngineError` for a voice or language that does not exist.
        """
        if self._pool is None:
            raise EngineError("kokoro is not loaded")
        if not text.strip():
            return
        name = self._voice_name(voice)
        speed = min(max(voice.speed, SLOWEST), FASTEST)
        request = Say(text, name, LANGUAGES[name[0]], speed)
        async with aclosing(self._pool.request(request)) as replies:
            async for spoken in replies:
                yield SpeechChunk(spoken.audio, spoken.words)

    def _voice_name(self, voice: Voice) -> str:
        if voice.name in VOICES:
            return self._turned(VOICES[voice.name], voice.language)
        if voice.name not in self._own:
            raise EngineError(
                f"no voice {voice.name!r}: name one of {', '.join(VOICES)}, or one of the file's "
                f"own, {', '.join(self._own)}"
            )
        return voice.name

    def _turned(self, name: str, language: str | None) -> str:
        """The voice, or else the first that speaks the language, of the same sex if possible.

        Raises `EngineError` if there is none.
        """
        spoken = letters(language)
        if name in self._own and name[0] in spoken:
            return name
        found = [own for own in self._own if own[0] in spoken]
        if not found:
            known = ", ".join(sorted({LANGUAGES[own[0]] for own in self._own}))
            raise UnspokenLanguageError(
                f"no voice for language {language!r}: {self._voices} has voices for {known}"
            )
        return min(found, key=lambda own: (own[1:2] != name[1:2], own))


def letters(language: str | None) -> list[str]:
    """The first letters of the voices that speak a language; without one, of all."""
    if language is None:
        return list(LANGUAGES)
    wanted = language.lower().replace("_", "-")
    return [letter for letter, tag in LANGUAGES.items() if tag == wanted] or [
        letter for letter, tag in LANGUAGES.items() if tag.split("-")[0] == wanted.split("-")[0]
    ]


def voice_names(path: str) -> list[str]:
    """The names in a file of voices, which is a numpy archive. Raises `EngineError`."""
    try:
        with np.load(Path(path)) as archive:
            return sorted(archive.files)
    except (OSError, ValueError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        raise EngineError(
            f"{path} is not a file of Kokoro's voices such as voices-v1.0.bin: {error}",
            code="invalid_configuration",
        ) from None
