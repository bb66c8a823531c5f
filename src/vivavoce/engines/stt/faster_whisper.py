"""Recognition by Whisper through faster-whisper: about a hundred languages, on CPU or GPU.

The turns of all sessions that wait while the model works are recognised together. There are no
deltas: Whisper hears an utterance as a whole.
"""

import asyncio
import importlib.util
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import msgspec

from vivavoce.engines.base import EngineError, Hint, MissingDependencyError, Transcript
from vivavoce.engines.batches import BatchWorker
from vivavoce.engines.stt import whisper_decoding
from vivavoce.engines.stt.languages import primary_language
from vivavoce.engines.stt.noise import Evidence, NoiseRules, is_noise, voiced_ms
from vivavoce.engines.stt.whisper_decoding import Decoded, Utterance, WhisperDecoder
from vivavoce.engines.stt.windows import windows
from vivavoce.protocol.abilities import HearingAbilities

logger = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda"]

_COMPUTE_TYPES = {"cpu": "int8", "cuda": "float16"}
_SEARCH_MS = 5_000


class FasterWhisperRecognizer:
    """A Whisper model in the form of CTranslate2.

    `model` is a size (`small`, `large-v3-turbo`), a name on the Hugging Face hub
    (`owner/model`), or the path of a folder with a converted model, which begins with `/`, `.`
    or `~`. A model that is not here is downloaded into `download_root`, by default the hub's own
    cache, unless `offline`.

    `device` is `cpu`, `cuda` (or `cuda:1`), or `auto`: a GPU if there is one, and the log says
    which it was. What was asked for and cannot be had is an error, never another device.
    `compute_type` is CTranslate2's, by default `int8` on a CPU and `float16` on a GPU;
    `cpu_threads` 0 leaves the number to it. `beam_size` 1 is greedy and fastest; up to
    `batch_size` turns are recognised at once, and up to `waiting` wait; a batch that takes longer
    than `time_limit_s` fails. `noise` changes `NoiseRules`.
    """

    name: ClassVar[str] = "faster-whisper"

    sample_rate = whisper_decoding.SAMPLE_RATE
    abilities = HearingAbilities(languages=True, keywords=True)

    def __init__(
        self,
        model: str = "small",
        *,
        device: str = "auto",
        compute_type: str | None = None,
        cpu_threads: int = 0,
        download_root: str | None = None,
        offline: bool = False,
        beam_size: int = 1,
        batch_size: int = 8,
        waiting: int = 64,
        time_limit_s: float = 60.0,
        noise: Mapping[str, Any] | None = None,
    ) -> None:
        self._model = model
        self._device, self._device_index = device_of(device)
        self._compute_type = compute_type
        self._cpu_threads = cpu_threads
        self._download_root = download_root
        self._offline = offline
        self._beam_size = beam_size
        self._noise = NoiseRules.of(noise)
        self._decoder: WhisperDecoder | None = None
        self._worker: BatchWorker[Utterance, Decoded] = BatchWorker(
            self.name,
            self._decode,
            largest=batch_size,
            waiting=waiting,
            repeatable=True,
            time_limit_s=time_limit_s,
        )

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from `faster-whisper:MODEL`."""
        return cls(spec)

    def load(self) -> None:
        """Load the model, and download it first if it is not here.

        Raises `MissingDependencyError` without the package, and `EngineError` for a model or a
        device that cannot be had.
        """
        if importlib.util.find_spec("faster_whisper") is None:
            raise MissingDependencyError(
                "faster-whisper is not installed; pip install 'vivavoce[whisper]' brings it"
            )
        from faster_whisper import WhisperModel

        device = self._chosen_device()
        try:
            model = WhisperModel(
                self._local_path() or self._model,
                device=device,
                device_index=self._device_index,
                compute_type=self._compute_type or _COMPUTE_TYPES[device],
                cpu_threads=self._cpu_threads,
                download_root=self._download_root,
                local_files_only=self._offline,
            )
            self._decoder = WhisperDecoder(model, beam_size=self._beam_size, noise=self._noise)
        except (OSError, RuntimeError, ValueError) as error:
            raise EngineError(self._not_loaded(device, error)) from error

    async def close(self) -> None:
        """Free the model, once what has begun is done."""
        await self._worker.close()
        self._decoder = None

    async def recognize(
        self,
        audio: bytes,
        hint: Hint,
        on_delta: Callable[[str], None],  # noqa: ARG002 (it has no deltas to give)
    ) -> Transcript:
        """Recognise one utterance of any length; empty text if it was noise.

        Cancelled, it leaves the queue; a batch that has begun runs to its end without it. Raises
        `EngineError` for a language that the model does not know, and when too many wait.
        """
        hint = self._checked(hint)
        pieces = windows(
            audio,
            self.sample_rate,
            longest_ms=whisper_decoding.LONGEST_MS,
            search_ms=_SEARCH_MS,
        )
        decoded = await asyncio.gather(
            *self._worker.submit_all([Utterance(piece, hint) for piece in pieces])
        )
        heard = zip(pieces, decoded, strict=True)
        said = [one for piece, one in heard if not self._is_noise(piece, one)]
        # The model begins a word of most languages with a space of its own.
        text = "".join(one.text for one in said).strip()
        return Transcript(text=text, language=decoded[0].language)

    def _decode(self, utterances: Sequence[Utterance]) -> Sequence[Decoded]:
        """In the worker's thread."""
        decoder = self._decoder
        if decoder is None:
            raise EngineError("the model is not loaded")
        try:
            return decoder.decode(utterances)
        except RuntimeError as error:  # how CTranslate2 reports a full GPU, among others
            raise EngineError(f"the model failed: {error}") from error

    def _is_noise(self, audio: bytes, decoded: Decoded) -> bool:
        evidence = Evidence(
            no_speech_probability=decoded.no_speech_probability,
            average_logprob=decoded.average_logprob,
            voiced_ms=voiced_ms(audio, self.sample_rate, self._noise),
        )
        return is_noise(decoded.text, evidence, self._noise)

    def _checked(self, hint: Hint) -> Hint:
        """The hint with languages as the model names them."""
        languages = tuple(primary_language(tag) for tag in hint.languages)
        hint = msgspec.structs.replace(hint, languages=languages)
        decoder = self._decoder
        if decoder is None or hint.language is None:
            return hint
        language = primary_language(hint.language)
        if language not in decoder.languages:
            raise EngineError(
                f"{self._model} does not know the language {hint.language!r}; name one of "
                f"ISO 639-1, such as {', '.join(list(decoder.languages)[:3])}"
            )
        return msgspec.structs.replace(hint, language=language)

    def _chosen_device(self) -> str:
        if self._device != "auto":
            return self._device
        import ctranslate2

        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
        logger.info("faster-whisper runs on %s: device is auto", device)
        return device

    def _local_path(self) -> str | None:
        """The folder that `model` names, if it is one; checked, since it is never downloaded."""
        if not self._model.startswith((".", "/", "~")):
            return None
        folder = Path(self._model).expanduser()
        for file in ("model.bin", "tokenizer.json"):
            if not (folder / file).is_file():
                raise EngineError(
                    f"{folder} has no {file}: a folder with a model that was converted for "
                    "CTranslate2 has it",
                    code="invalid_configuration",
                )
        return os.fspath(folder)

    def _not_loaded(self, device: str, error: Exception) -> str:
        if self._offline and isinstance(error, OSError):
            return (
                f"the model {self._model!r} was not downloaded yet, and `offline` forbids to: "
                f"{error}"
            )
        return f"cannot load the model {self._model!r} on {device}: {error}"


def device_of(device: str) -> tuple[Device, int]:
    """`cuda:1` as the kind and the number. Raises `EngineError` for what is no device."""
    kind, _, index = device.partition(":")
    if kind in ("auto", "cpu") and not index:
        return ("cpu" if kind == "cpu" else "auto"), 0
    if kind == "cuda" and (index.isdecimal() or device == "cuda"):
        return "cuda", int(index or 0)
    raise EngineError(
        f"device: expected auto, cpu, cuda or cuda:N, got {device!r}", code="invalid_configuration"
    )
