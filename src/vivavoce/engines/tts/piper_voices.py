"""The voices of Piper in a folder, as their configurations describe them."""

import logging
from collections.abc import Mapping
from pathlib import Path

import msgspec

from vivavoce.engines.base import EngineError, UnspokenLanguageError

logger = logging.getLogger(__name__)


class _Audio(msgspec.Struct):
    sample_rate: int


class _Espeak(msgspec.Struct):
    voice: str


class _Language(msgspec.Struct):
    code: str


class _Config(msgspec.Struct):
    """What is needed here of `NAME.onnx.json`."""

    audio: _Audio
    espeak: _Espeak
    num_speakers: int = 1
    speaker_id_map: dict[str, int] = {}
    language: _Language | None = None


class PiperFile(msgspec.Struct, frozen=True):
    """A voice: the path of its model, its sample rate in hertz, its language, its speakers."""

    path: str
    sample_rate: int
    language: str
    """Lower case, with hyphens: `en-us`."""
    speakers: dict[str, int]

    def speaks(self, language: str) -> bool:
        """Whether this is its language, told by a tag such as `en`, `en-US` or `en_US`."""
        wanted = _tag(language)
        return wanted == self.language if "-" in wanted else wanted == _primary(self.language)

    def shares_language(self, other: "PiperFile") -> bool:
        """Whether both speak the same language, be it in two regions."""
        return _primary(self.language) == _primary(other.language)

    def speaker(self, name: str | None) -> int | None:
        """The number of a speaker; None is the usual one. Raises `EngineError` for no such."""
        if name is None:
            return None
        if name in self.speakers:
            return self.speakers[name]
        if name.isdecimal() and int(name) in self.speakers.values():
            return int(name)
        known = ", ".join(self.speakers) or "only one, who has no name"
        raise EngineError(f"no speaker {name!r} in {self.path}: there is {known}")


def read_folder(folder: str, usual: str) -> dict[str, PiperFile]:
    """The voices in a folder by name; a model that is no voice is left out, and the log says so.

    Raises `EngineError` for a folder without any, and if the `usual` one is none.
    """
    models = sorted(Path(folder).glob("*.onnx"))
    if not models:
        raise EngineError(
            f"there is no voice of Piper (NAME.onnx) in the folder {folder}",
            code="invalid_configuration",
        )
    voices: dict[str, PiperFile] = {}
    for model in models:
        try:
            voices[model.stem] = _read(model)
        except EngineError as error:
            if model.stem == usual:
                raise
            logger.warning("%s is left out: %s", model, error)
    return voices


def find_voice(files: Mapping[str, PiperFile], language: str) -> PiperFile:
    """The first voice that speaks a language, if possible as its region does.

    Raises `EngineError` if there is none.
    """
    for wanted in (language, _primary(_tag(language))):
        for _, file in sorted(files.items()):
            if file.speaks(wanted):
                return file
    known = ", ".join(sorted({file.language for file in files.values()}))
    raise UnspokenLanguageError(f"no voice for language {language!r}: there are voices for {known}")


def _read(model: Path) -> PiperFile:
    path = Path(f"{model}.json")
    try:
        config = msgspec.json.decode(path.read_bytes(), type=_Config)
    except (OSError, msgspec.DecodeError) as error:
        raise EngineError(
            f"{path} does not describe the voice {model.name}: {error}",
            code="invalid_configuration",
        ) from None
    language = config.language.code if config.language else config.espeak.voice
    speakers = config.speaker_id_map
    if not speakers and config.num_speakers > 1:
        speakers = {str(number): number for number in range(config.num_speakers)}
    return PiperFile(str(model), config.audio.sample_rate, _tag(language), speakers)


def _tag(language: str) -> str:
    return language.lower().replace("_", "-")


def _primary(tag: str) -> str:
    return tag.split("-")[0]
