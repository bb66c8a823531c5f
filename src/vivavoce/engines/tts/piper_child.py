"""The process that speaks with Piper; `piper.py` is its outside.

`piper-tts` is licensed under the GPL 3.0, and espeak-ng, which it contains, too. This is the only
file that loads it, and only when it runs as a process of its own.
"""

import json
import os
from collections import OrderedDict
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec

from vivavoce.engines.tts.neural_child import BatchSpeaker, InterruptibleSession, Sound
from vivavoce.engines.tts.phoneme_times import PhonemeStarts
from vivavoce.engines.worker import Caller, Work, WorkError, serve, setup_of

VOICES_KEPT = 4
"""How many voices a process holds at a time, of about 100 MB each; the least used goes."""

# Piper takes what stands in double brackets for phonemes.
_NO_PHONEMES = str.maketrans("[]", "  ")


class PiperSetup(msgspec.Struct, frozen=True):
    """What a process is told at its start: its first voice, onnxruntime's provider, and the cores
    that one run may use. `rate` is the sample rate of all that it says, in hertz.
    """

    model: str
    provider: str
    threads: int
    rate: int


class Say(msgspec.Struct, frozen=True, array_like=True):
    """A request: say this in the voice in the file `model`, as its speaker of that number."""

    text: str
    model: str
    speaker: int | None
    speed: float


def prepare() -> Work[Say]:
    """Load the first voice and return the synthesizer."""
    # Chinese voices take a tokenizer from the hub's cache, and from the hub if it is not there.
    os.environ["HF_HUB_OFFLINE"] = "1"
    return _Piper(setup_of(PiperSetup)).speak


class _Piper:
    def __init__(self, setup: PiperSetup) -> None:
        self._setup = setup
        self._voices: OrderedDict[str, Any] = OrderedDict()
        self._voice(setup.model)

    def speak(self, request: Say, caller: Caller) -> None:
        """Say one text, sentence by sentence."""
        from piper import SynthesisConfig

        voice = self._voice(request.model)
        voice.session.caller = caller
        text = request.text.translate(_NO_PHONEMES)
        try:
            sentences = voice.phonemize(text)
        except (RuntimeError, ValueError, ImportError, OSError) as error:
            raise WorkError(f"{request.model} cannot read the text: {error}") from None
        config = SynthesisConfig(
            speaker_id=request.speaker, length_scale=voice.config.length_scale / request.speed
        )
        batches = ["".join(sentence) for sentence in sentences if sentence]
        rate = voice.config.sample_rate
        speaker = BatchSpeaker(text, batches, caller, model_rate=rate, rate=self._setup.rate)
        speaker.speak(_sounds(voice, text, config))

    def _voice(self, path: str) -> Any:
        """The voice in this file, loaded now or earlier."""
        if path in self._voices:
            self._voices.move_to_end(path)
            return self._voices[path]
        from piper import PiperConfig, PiperVoice

        if len(self._voices) >= VOICES_KEPT:
            self._voices.popitem(last=False)
        try:
            config = PiperConfig.from_dict(json.loads(Path(f"{path}.json").read_text("utf-8")))
        except (OSError, ValueError, KeyError) as error:
            raise WorkError(f"{path}.json does not describe a voice of Piper: {error!r}") from None
        folder = Path(path).parent
        _check_pinyin(config, folder)
        session = InterruptibleSession(path, self._setup.provider, self._setup.threads)
        self._voices[path] = PiperVoice(session=session, config=config, download_dir=folder)
        return self._voices[path]


def _check_pinyin(config: Any, folder: Path) -> None:
    """Raises `WorkError` where the library would begin to download in the midst of an answer."""
    from piper.config import PhonemeType

    data = folder / "g2pW"
    if config.phoneme_type == PhonemeType.PINYIN and not (data / "g2pw.onnx").is_file():
        raise WorkError(
            f"a Chinese voice reads pinyin with the data of g2pW, which is not in {data}: unpack "
            "zh/zh_CN/_resources/g2pw.tar.gz of the dataset rhasspy/piper-checkpoints (Hugging "
            "Face hub) there, and bring bert-base-chinese into the hub's cache"
        )


def _sounds(voice: Any, text: str, config: Any) -> Iterator[Sound]:
    for chunk in voice.synthesize(text, config, include_alignments=True):
        yield Sound(chunk.audio_float_array, _starts(chunk))


def _starts(chunk: Any) -> PhonemeStarts:
    """The phonemes' times, if the model tells them, without the signs around a sentence."""
    if not chunk.phoneme_alignments:
        return ()
    samples = [alignment.num_samples for alignment in chunk.phoneme_alignments]
    behind = accumulate(samples, initial=0)
    starts = [
        (alignment.phoneme, start * 1000 / chunk.sample_rate)
        for alignment, start in zip(chunk.phoneme_alignments, behind, strict=False)
    ]
    return starts[1:-1]


if __name__ == "__main__":
    serve(Say, prepare)
