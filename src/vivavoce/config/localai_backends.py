"""LocalAI's backends, and the engines that stand for them here."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vivavoce.config.weights import KOKORO, file_of, is_download
from vivavoce.engines.registry import Slot

_WHISPER_SIZE = re.compile(
    r"ggml-(?:whisper-)?(tiny|base|small|medium|large-v[123](?:-turbo)?|large)(\.en)?(?=[-.])"
)
"""The size in the name of a file of whisper.cpp, as `ggml-small.en-q5_1.bin`."""


class BackendError(Exception):
    """A model of LocalAI cannot run here; the text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The engine that does what a backend would."""

    slot: Slot
    engine: dict[str, Any]
    downloads: tuple[dict[str, str], ...] = ()
    used: frozenset[str] = frozenset()
    """Further keys of the file that have had an effect."""
    notes: tuple[str, ...] = ()
    """What is otherwise than in LocalAI, in words."""

    @property
    def has_device(self) -> bool:
        """Whether the engine can be told where to compute."""
        return self.engine["engine"] not in ("silero", "openai")


@dataclass(frozen=True, slots=True)
class _File:
    """What a file of LocalAI says of one backend."""

    value: Mapping[str, Any]
    folder: Path
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def model(self) -> str:
        """`parameters.model`."""
        return str(self.parameters.get("model") or "")

    def path(self) -> tuple[str, tuple[dict[str, str], ...]]:
        """The model's file in the folder, and the download that brings it, if it names one."""
        if not self.model:
            raise BackendError("`parameters.model` names no file.")
        if "://" not in self.model:
            return os.fspath(self.folder / self.model), ()
        if not is_download(self.model):
            raise BackendError(
                f"{self.model} cannot be downloaded here. Put the file into the folder and name it."
            )
        name = file_of(self.model)
        return name, ({"filename": name, "uri": self.model},)


def settle(value: Mapping[str, Any], folder: Path) -> Settled:
    """The engine for a model of LocalAI. Raises `BackendError` if there is none."""
    parameters = value.get("parameters")
    file = _File(value, folder, parameters if isinstance(parameters, dict) else {})
    backend = str(value.get("backend") or _guessed(file)).lower().replace(".", "-")
    maker = _MAKERS.get(backend)
    if maker is None or _is_for_other_use(value, backend):
        raise BackendError(
            f"The backend '{backend}' of LocalAI does not exist here. Let LocalAI go on serving "
            f"this model, and name it by its URL: http://LOCALAI:8080/v1#{value.get('name')}. "
            "Or start the backend by itself, and name its address: "
            "{engine: localai, address: 'HOST:PORT'}."
        )
    return maker(file)


def _guessed(file: _File) -> str:
    """LocalAI takes llama.cpp for every file of its format that says no backend."""
    if file.model.endswith(".gguf"):
        return "llama-cpp"
    raise BackendError("It names no `backend`.")


def _is_for_other_use(value: Mapping[str, Any], backend: str) -> bool:
    """Whether a backend of several uses is to be used for one that it has not here."""
    uses = value.get("known_usecases")
    if not isinstance(uses, list) or not uses:
        return False
    names = {str(use).lower().removeprefix("flag_") for use in uses}
    return not names & _USES[backend]


_LLAMA_OPTIONS = {"context_size": "n_ctx", "threads": "threads", "gpu_layers": "n_gpu_layers"}


def _llama(file: _File) -> Settled:
    path, downloads = file.path()
    engine: dict[str, Any] = {"engine": "xllamacpp", "model": path}
    used = set[str]()
    for key, option in _LLAMA_OPTIONS.items():
        if isinstance(file.value.get(key), int):
            engine[option] = file.value[key]
            used.add(key)
    if projector := file.value.get("mmproj"):
        engine["mmproj"] = os.fspath(file.folder / str(projector))
        used.add("mmproj")
    if isinstance(file.parameters.get("temperature"), int | float):
        engine["temperature"] = file.parameters["temperature"]
    return Settled("llm", engine, downloads, frozenset(used))


def _faster_whisper(file: _File) -> Settled:
    if not file.model:
        return Settled("stt", {"engine": "faster-whisper"})
    here = file.folder / file.model
    model = os.fspath(here) if here.is_dir() else file.model.removeprefix("huggingface://")
    return Settled("stt", {"engine": "faster-whisper", "model": model})


def _whisper(file: _File) -> Settled:
    found = _WHISPER_SIZE.search(Path(file.model).name)
    if found is None:
        raise BackendError(
            f"whisper.cpp does not exist here, and '{file.model}' does not say which Whisper it "
            "is. Write `backend: faster-whisper` and a size, as `parameters: {model: small}`."
        )
    size = found[1] + (found[2] or "")
    note = f"faster-whisper's form of Whisper {size} is taken in place of {file.model}."
    return Settled("stt", {"engine": "faster-whisper", "model": size}, notes=(note,))


def _silero(_: _File) -> Settled:
    return Settled("vad", {"engine": "silero"})


def _piper(file: _File) -> Settled:
    path, downloads = file.path()
    if downloads:
        name, uri = downloads[0]["filename"], downloads[0]["uri"]
        downloads += ({"filename": f"{name}.json", "uri": f"{uri}.json"},)
    return Settled("tts", {"engine": "piper", "voice": path}, downloads)


def _kokoro(file: _File) -> Settled:
    names = [each["filename"] for each in KOKORO]
    note = f"Kokoro's ONNX files are taken in place of {file.model or 'its own'}."
    engine = {"engine": "kokoro", "model": names[0], "voices": names[1]}
    return Settled("tts", engine, KOKORO, notes=(note,))


def _sherpa(file: _File) -> Settled:
    if not file.model:
        raise BackendError("`parameters.model` names no file.")
    here = file.folder / file.model
    folder = here.parent if here.suffix == ".onnx" else here
    return Settled("stt", {"engine": "sherpa-onnx", "folder": os.fspath(folder)})


def _cloud(file: _File) -> Settled:
    proxy = file.value.get("proxy")
    url = str(proxy.get("upstream_url") or "") if isinstance(proxy, dict) else ""
    if not isinstance(proxy, dict) or not url.endswith("/chat/completions"):
        raise BackendError("`proxy.upstream_url` is no URL of chat completions.")
    model = str(proxy.get("upstream_model") or file.value.get("name"))
    engine = {"engine": "openai", "base_url": url.removesuffix("/chat/completions")}
    key = os.environ.get(str(proxy.get("api_key_env") or ""))
    return Settled(
        "llm",
        engine | {"model": model} | ({"api_key": key} if key else {}),
        used=frozenset({"proxy"}),
    )


_MAKERS: Mapping[str, Callable[[_File], Settled]] = {
    "llama": _llama,
    "llama-cpp": _llama,
    "llama-stable": _llama,
    "faster-whisper": _faster_whisper,
    "whisper": _whisper,
    "whisper-cpp": _whisper,
    "silero-vad": _silero,
    "whisper-vad": _silero,
    "piper": _piper,
    "kokoro": _kokoro,
    "sherpa-onnx": _sherpa,
    "cloud-proxy": _cloud,
}

_CHAT = frozenset({"chat", "completion", "edit", "vision"})
_USES: Mapping[str, frozenset[str]] = {
    name: {
        _llama: _CHAT,
        _cloud: _CHAT,
        _silero: frozenset({"vad"}),
        _piper: frozenset({"tts"}),
        _kokoro: frozenset({"tts"}),
    }.get(maker, frozenset({"transcript"}))
    for name, maker in _MAKERS.items()
}
"""What each is used for here, by the names of `known_usecases`."""
