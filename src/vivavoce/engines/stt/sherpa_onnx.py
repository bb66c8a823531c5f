"""Recognition by sherpa-onnx while somebody speaks: words come before the turn is over.

The streams of all sessions advance together, in one call of the model for each step.
"""

import importlib.util
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import msgspec
import numpy as np

from vivavoce.audio.pcm import FULL_SCALE, to_samples
from vivavoce.engines.base import (
    EngineError,
    Hint,
    MissingDependencyError,
    Transcript,
)
from vivavoce.engines.batches import BatchWorker
from vivavoce.engines.stt.languages import primary_language
from vivavoce.engines.stt.sherpa_loading import Loading, load, load_elsewhere
from vivavoce.engines.stt.sherpa_models import (
    FACTORIES,
    FLUSH_MS,
    Family,
    checked_family,
    find_model,
    is_upper_case,
)
from vivavoce.engines.stt.stable_prefix import StablePrefix
from vivavoce.protocol.abilities import HearingAbilities

_RATE = 16_000
_SLICE = 2 * _RATE
"""Bytes, one second: what one stream is given at a time, so that a long utterance does not hold
up the steps of the others."""

_GREEDY_SEARCH, _BEAM_SEARCH = "greedy_search", "modified_beam_search"
_REWRITING = frozenset({"rule_fsts", "rule_fars", "hr_lexicon", "ctc_graph", "lm"})
"""Options with which the words so far may change; greedy search alone only adds to them."""


class Feed(msgspec.Struct, frozen=True):
    """A request to the worker: more audio of one stream; with `tail_ms` of silence behind it."""

    stream: Any
    audio: bytes
    tail_ms: int = 0


class SherpaOnnxRecognizer:
    """A streaming model in `folder`: `tokens.txt` and its ONNX files.

    `family` is one of `sherpa_models.FACTORIES`, where the files do not show it. `language` is the
    one that the model knows, which it cannot say itself: clients that ask for another are refused.
    `device` is `cpu` or `cuda`, which needs sherpa-onnx built for it; `threads` compute each step.
    `flush_ms` of silence bring out the last words, as much as the model looks ahead: by default
    that of the family (`sherpa_models.FLUSH_MS`). `options` are further arguments of the family's
    maker in `sherpa_onnx.OnlineRecognizer`. Keywords are heard by transducers with
    `decoding_method: modified_beam_search` and the `modeling_unit` that the model was trained with:
    `cjkchar`, or `bpe` or `cjkchar+bpe` with a `bpe_vocab`.
    """

    name: ClassVar[str] = "sherpa-onnx"

    sample_rate = _RATE

    def __init__(
        self,
        folder: str,
        *,
        family: str | None = None,
        language: str | None = None,
        device: str = "cpu",
        threads: int = 1,
        flush_ms: int | None = None,
        batch_size: int = 32,
        waiting: int = 1024,
        time_limit_s: float = 10.0,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if device not in ("cpu", "cuda"):
            raise EngineError(
                f"device: expected cpu or cuda, got {device!r}", code="invalid_configuration"
            )
        self._folder = Path(folder).expanduser()
        self._family = checked_family(family)
        self._language = language
        self._device = device
        self._threads = threads
        self._flush_ms = flush_ms
        self._options = dict(options or {})
        _check_search(self._options, self._family)
        beam = self._options.get("decoding_method") == _BEAM_SEARCH
        self._grows = not beam and not _REWRITING.intersection(self._options)
        self.abilities = HearingAbilities(keywords=beam and "modeling_unit" in self._options)
        self._recognizer: Any = None
        self._lower = False
        self._worker: BatchWorker[Feed, str] = BatchWorker(
            self.name,
            self._advance,
            largest=batch_size,
            waiting=waiting,
            time_limit_s=time_limit_s,
        )

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from `sherpa-onnx:FOLDER`."""
        return cls(spec)

    def load(self) -> None:
        """Load the model, in a process to try it and then here; see `sherpa_loading`.

        Raises `MissingDependencyError` without the package, and `EngineError` for a model or an
        option that the library refuses.
        """
        if importlib.util.find_spec("sherpa_onnx") is None:
            raise MissingDependencyError(
                "sherpa-onnx is not installed; pip install 'vivavoce[sherpa]' brings it"
            )
        import sherpa_onnx

        if self._device == "cuda" and "+cuda" not in sherpa_onnx.__version__:
            # The library itself would go on with the CPU.
            raise EngineError(
                f"sherpa-onnx {sherpa_onnx.__version__} was built without CUDA; its own index has "
                "wheels with it, or set device to cpu"
            )
        model = find_model(self._folder, self._family)
        _check_search(self._options, model.family)
        loading = Loading(
            maker=FACTORIES[model.family],
            files=model.files,
            threads=self._threads,
            device=self._device,
            options=self._options,
        )
        try:
            load_elsewhere(self.name, loading)
            self._recognizer = load(loading)
        except EngineError as error:
            raise EngineError(f"cannot load the model in {self._folder}: {error}") from error
        self._lower = is_upper_case(Path(model.files["tokens"]))
        if self._flush_ms is None:
            self._flush_ms = FLUSH_MS[model.family]

    async def close(self) -> None:
        """Free the model, once what has begun is done."""
        await self._worker.close()
        self._recognizer = None

    async def recognize(
        self, audio: bytes, hint: Hint, on_delta: Callable[[str], None]
    ) -> Transcript:
        """Recognise one utterance that came whole, as `open_stream` does it."""
        stream = self.open_stream(hint)
        if text := await stream.accept(audio):
            on_delta(text)
        transcript = await stream.flush()
        if rest := transcript.text[len(text) :]:
            on_delta(rest)
        return transcript

    def open_stream(self, hint: Hint) -> "SherpaStream":
        """A stream for one utterance. Raises `EngineError` for a language that it does not know."""
        if self._recognizer is None or self._flush_ms is None:
            raise EngineError("the model is not loaded")
        known = self._language
        if known and hint.language:
            asked = primary_language(hint.language)
            if asked != primary_language(known):
                raise EngineError(f"this recogniser knows {known!r} only, not {hint.language!r}")
        if self.abilities.keywords and hint.keywords:
            keywords = listed_keywords(hint.keywords, upper=self._lower)
            stream = self._recognizer.create_stream(keywords)
        else:
            stream = self._recognizer.create_stream()
        prefix = StablePrefix(grows=self._grows)
        return SherpaStream(self._worker, stream, prefix, known, self._flush_ms)

    def _advance(self, feeds: Sequence[Feed]) -> list[str]:
        """In the worker's thread: all streams of the batch hear what they were given."""
        recognizer = self._recognizer
        if recognizer is None:
            raise EngineError("the model is not loaded")
        for feed in feeds:
            samples = to_samples(feed.audio).astype(np.float32) / FULL_SCALE
            feed.stream.accept_waveform(_RATE, samples)
            if feed.tail_ms:
                silence = np.zeros(_RATE * feed.tail_ms // 1000, np.float32)
                feed.stream.accept_waveform(_RATE, silence)
        streams = [feed.stream for feed in feeds]
        while ready := [stream for stream in streams if recognizer.is_ready(stream)]:
            recognizer.decode_streams(ready)
        texts: list[str] = [recognizer.get_result(stream) for stream in streams]
        return [text.lower() for text in texts] if self._lower else texts


class SherpaStream:
    """One utterance. A pause does not end it: what brings out the last words is silence."""

    def __init__(
        self,
        worker: BatchWorker[Feed, str],
        stream: Any,
        prefix: StablePrefix,
        language: str | None,
        flush_ms: int,
    ) -> None:
        self._worker = worker
        self._stream = stream
        self._language = language
        self._flush_ms = flush_ms
        self._prefix = prefix
        self._flushed: Transcript | None = None
        """The answer to `flush`, until there is more audio."""

    async def accept(self, audio: bytes) -> str:
        """Hear more; gives what is sure by now."""
        self._flushed = None
        sure = ""
        for start in range(0, len(audio), _SLICE):
            piece = Feed(self._stream, audio[start : start + _SLICE])
            sure += self._prefix.update(await self._worker.submit(piece))
        return sure

    async def flush(self) -> Transcript:
        """What was said so far."""
        if self._flushed is None:
            hypothesis = await self._worker.submit(Feed(self._stream, b"", self._flush_ms))
            text = self._prefix.completed(hypothesis)
            self._flushed = Transcript(text=text, language=self._language)
        return self._flushed

    def close(self) -> None:
        """Free the state of the model."""
        self._stream = None


def listed_keywords(keywords: Sequence[str], *, upper: bool) -> str:
    """Keywords as `create_stream` takes them, in capitals if the model knows no other letters.

    The library parts them at slashes, and reads a number behind `:` or `#` as a weight.
    """
    words = (" ".join(re.sub("[/:#]", " ", keyword).split()) for keyword in keywords)
    return "/".join(word.upper() if upper else word for word in words if word)


def _check_search(options: Mapping[str, Any], family: Family | None) -> None:
    """Raises `EngineError` for a search that the family has not, which would end the process."""
    method = options.get("decoding_method", _GREEDY_SEARCH)
    if method not in (_GREEDY_SEARCH, _BEAM_SEARCH):
        raise EngineError(
            f"options: decoding_method: expected {_GREEDY_SEARCH} or {_BEAM_SEARCH}, "
            f"got {method!r}",
            code="invalid_configuration",
        )
    if method == _BEAM_SEARCH and family not in (None, "transducer"):
        raise EngineError(
            f"options: decoding_method: {_BEAM_SEARCH} is for transducers, and this model is of "
            f"the family {family}; leave it out",
            code="invalid_configuration",
        )
