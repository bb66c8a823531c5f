"""What the processes of the neural voices have in common: the session, and speaking in batches."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime

from vivavoce.audio.pcm import to_pcm
from vivavoce.audio.resample import convert
from vivavoce.audio.units import BYTES_PER_SAMPLE
from vivavoce.engines.base import WordTiming
from vivavoce.engines.tts.phoneme_times import PhonemeStarts, batch_ends, phoneme_word_timings
from vivavoce.engines.worker import Caller, WorkError

_LOUDEST = 32_767


class Spoken(msgspec.Struct, frozen=True, array_like=True):
    """One of the replies: mono int16 little-endian PCM, and the words that begin in it.

    Their times and places are those in the whole text.
    """

    audio: bytes
    words: tuple[WordTiming, ...]


class InterruptedRunError(Exception):
    """A model was stopped, because nobody waits for its result any more."""


class InterruptibleSession:
    """An `onnxruntime.InferenceSession` whose runs end when the caller leaves.

    `provider` is onnxruntime's name of where it runs, and `threads` how many of the processor's
    cores one run may use. Raises `WorkError` if the model cannot be loaded, or not there.
    """

    def __init__(self, path: str, provider: str, threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        try:
            self._session = onnxruntime.InferenceSession(path, options, providers=[provider])
        except Exception as error:  # noqa: BLE001 - onnxruntime's have no class in common
            raise WorkError(f"the model {path} cannot be loaded: {error}") from None
        self._session.disable_fallback()
        if provider not in self._session.get_providers():
            raise WorkError(
                f"{provider} cannot start, and onnxruntime took the processor for {path}: are the "
                "driver and its libraries of the version that this onnxruntime wants?"
            )
        self.caller: Caller | None = None
        """For whom it works now."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, outputs: Any, inputs: Any) -> Any:
        """As the session's own `run`; raises `InterruptedRunError` when the caller has left."""
        if self.caller is None:
            return self._session.run(outputs, inputs)
        options = onnxruntime.RunOptions()

        def stop() -> None:
            options.terminate = True

        try:
            with self.caller.leaving(stop):
                return self._session.run(outputs, inputs, options)
        except Exception:
            if options.terminate:
                raise InterruptedRunError from None
            raise


@dataclass(frozen=True, slots=True)
class Sound:
    """The speech of one batch: samples from -1 to 1, and its phonemes' times if they are known."""

    samples: npt.NDArray[np.floating]
    phonemes: PhonemeStarts = ()


class BatchSpeaker:
    """Speaks one text to the caller, batch by batch, each as soon as it is made.

    `batches` are the phonemes of the whole text in the order in which they will be spoken. A
    sound has `model_rate` hertz and is sent with `rate`.
    """

    def __init__(
        self, text: str, batches: Sequence[str], caller: Caller, *, model_rate: int, rate: int
    ) -> None:
        self._text = text
        self._ends = batch_ends(text, batches)
        self._caller = caller
        self._model_rate = model_rate
        self._rate = rate
        self._said = 0
        """Characters of the text."""
        self._sent = 0
        """Samples."""

    def speak(self, sounds: Iterable[Sound]) -> None:
        """Send the sounds of all batches, which are made on the way; none if the caller leaves."""
        try:
            for end, sound in zip(self._ends, sounds, strict=True):
                self._send(end, sound)
                if self._caller.has_left():
                    return
        except InterruptedRunError:
            return

    def _send(self, end: int, sound: Sound) -> None:
        pcm = to_pcm(sound.samples * _LOUDEST)
        if self._rate != self._model_rate:
            pcm = convert(pcm, self._model_rate, self._rate)
        samples = len(pcm) // BYTES_PER_SAMPLE
        begin_ms = 1000 * self._sent // self._rate
        words = phoneme_word_timings(
            self._text[self._said : end], sound.phonemes, 1000 * samples // self._rate
        )
        moved = (WordTiming(self._said + w.text_end, begin_ms + w.start_ms) for w in words)
        self._caller.reply(Spoken(pcm, tuple(moved)))
        self._said = end
        self._sent += samples
