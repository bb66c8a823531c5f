"""Speech by Piper: small, quick neural voices in some forty languages.

`piper-tts` and the espeak-ng in it are GPL 3.0: this process only starts the one that loads them.
Voices have licences of their own, told by the `MODEL_CARD` beside each; some are non-commercial.
"""

import importlib.util
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import ClassVar, Self

from vivavoce.engines.base import EngineError, MissingDependencyError, SpeechChunk, Voice
from vivavoce.engines.child import ChildPool
from vivavoce.engines.onnx_device import execution_provider
from vivavoce.engines.tts import piper_child
from vivavoce.engines.tts.neural_child import Spoken
from vivavoce.engines.tts.neural_options import cores_for_each, usual_processes
from vivavoce.engines.tts.piper_child import PiperSetup, Say
from vivavoce.engines.tts.piper_voices import PiperFile, find_voice, read_folder
from vivavoce.protocol.voices import Voices

VOICES = {
    "alloy": "en_US-lessac-medium",
    "ash": "en_US-joe-medium",
    "ballad": "en_GB-alan-medium",
    "coral": "en_US-amy-medium",
    "echo": "en_US-norman-medium",
    "sage": "en_GB-alba-medium",
    "shimmer": "en_US-kristin-medium",
    "verse": "en_US-john-medium",
    "marin": "en_US-hfc_female-medium",
    "cedar": "en_US-hfc_male-medium",
    "fable": "en_GB-northern_english_male-medium",
    "nova": "en_US-ljspeech-medium",
    "onyx": "en_US-bryce-medium",
}
"""OpenAI's names, and the voices of `rhasspy/piper-voices` that answer to them where they are."""


class PiperSynthesizer:
    """Speaks through Piper in child processes, each with up to four voices (about 100 MB each).

    `voice` is the usual one: the name of a file in `folder` (`en_US-lessac-medium`), or a path of
    an `.onnx` file, whose `.onnx.json` lies beside it; with `folder` left out, voices are looked
    for beside that file. Nothing is downloaded: `python -m piper.download_voices NAME
    --download-dir FOLDER` brings one. Of a voice with several speakers, `NAME#SPEAKER` is one.

    `voices` adds names that clients may use, or says otherwise what OpenAI's stand for, as in
    `{alloy: de_DE-thorsten-high}`. One of OpenAI's (`VOICES`) whose file is not in the folder, or
    is of another language than the usual voice, is spoken by that. Files may be named too.
    `Voice.language` turns to the first voice of that language, if the one that was named speaks
    another.

    `device` is `cpu`, `cuda`, `coreml` or `directml`, and nothing else is taken instead.
    `processes` is the greatest number of children, by default two on a processor with four cores
    or more and else one; the first starts with `load`. Audio has the highest sample rate of the
    voices in the folder, and those of a lower one are converted. Words have exact times for voices
    that report them (`python -m piper.patch_voice_with_alignment`), else those in proportion.
    """

    name: ClassVar[str] = "piper"

    def __init__(
        self,
        voice: str,
        folder: str | None = None,
        voices: Mapping[str, str] | None = None,
        device: str = "cpu",
        processes: int | None = None,
    ) -> None:
        path, self._speaker = _split(os.path.expanduser(voice))
        beside, file = os.path.split(path)
        self._usual = file.removesuffix(".onnx")
        self._folder = os.path.expanduser(folder) if folder is not None else beside or "."
        self._names = VOICES | dict(voices or {})
        self._device = device
        self._processes = usual_processes() if processes is None else processes
        self._pool: ChildPool[Spoken] | None = None
        self._files: dict[str, PiperFile] = {}
        self.sample_rate = 22_050

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from the path of its usual voice: `FOLDER/en_US-lessac-medium`."""
        return cls(spec)

    @property
    def voices(self) -> Voices:
        """The names, and those of the files with their speakers; before `load`, any name."""
        if not self._files:
            return Voices(names=tuple(self._names), others=".*")
        return Voices(
            names=(*self._names, *self._files),
            others=".+#.+",
            note="Of a voice with several speakers, NAME#SPEAKER is one.",
        )

    @property
    def pids(self) -> list[int]:
        """The process ids of the child processes."""
        return [] if self._pool is None else self._pool.pids

    def load(self) -> None:
        """Start the first process, which loads the usual voice.

        Raises `MissingDependencyError` without the package, and `EngineError` for voices that are
        not there and for a device that is not to be had.
        """
        if importlib.util.find_spec("piper") is None:
            raise MissingDependencyError(
                "piper-tts is not installed; pip install 'vivavoce[piper]' brings it"
            )
        self._files = read_folder(self._folder, self._usual)
        usual = self._file(self._usual)
        usual.speaker(self._speaker)
        self.sample_rate = max(file.sample_rate for file in self._files.values())
        setup = PiperSetup(
            usual.path,
            execution_provider(self._device),
            cores_for_each(self._processes),
            self.sample_rate,
        )
        pool = ChildPool(self.name, piper_child.__name__, Spoken, size=self._processes, setup=setup)
        pool.start()
        self._pool = pool

    async def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            await self._pool.close()

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[SpeechChunk]:
        """Speak `text`, one chunk for each sentence.

        Raises `EngineError` for a voice or language that does not exist.
        """
        if self._pool is None:
            raise EngineError("piper is not loaded")
        if not text.strip():
            return
        file, speaker = self._voice(voice)
        request = Say(text, file.path, speaker, voice.speed)
        async with aclosing(self._pool.request(request)) as replies:
            async for spoken in replies:
                yield SpeechChunk(spoken.audio, spoken.words)

    def _voice(self, voice: Voice) -> tuple[PiperFile, int | None]:
        """The file, and the number of the speaker in it."""
        name, speaker = _split(self._names.get(voice.name, voice.name))
        if VOICES.get(voice.name) == name and not self._suits(name):
            name, speaker = self._usual, self._speaker
        file = self._file(name)
        if voice.language and not file.speaks(voice.language):
            return find_voice(self._files, voice.language), None
        return file, file.speaker(speaker)

    def _suits(self, name: str) -> bool:
        """Whether there is such a file, of the language of the usual voice."""
        file = self._files.get(name)
        return file is not None and file.shares_language(self._file(self._usual))

    def _file(self, name: str) -> PiperFile:
        if name not in self._files:
            known = ", ".join([*self._names, *sorted(self._files)])
            raise EngineError(
                f"no voice {name!r} in {self._folder}: name one of {known}; python -m "
                f"piper.download_voices {name} --download-dir {self._folder} brings those of Piper"
            )
        return self._files[name]


def _split(voice: str) -> tuple[str, str | None]:
    """The name and the speaker of `NAME#SPEAKER`."""
    name, number_sign, speaker = voice.partition("#")
    return name, speaker if number_sign else None
