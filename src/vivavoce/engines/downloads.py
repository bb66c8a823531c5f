"""Bringing the models of engines that fetch theirs from the Hugging Face hub."""

from collections.abc import Callable, Mapping
from typing import Any

from vivavoce.engines.base import EngineError, MissingDependencyError
from vivavoce.engines.registry import Slot

Options = Mapping[str, Any]

_WHISPER_FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json")
_WHISPER_VOCABULARY = "vocabulary.*"

_WHISPER_ELSEWHERE = {
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
    "large": "Systran/faster-whisper-large-v3",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
}


def whisper_repository(model: str) -> str | None:
    """Where faster-whisper has the model of this size from; None for a folder."""
    if model.startswith((".", "/", "~")):
        return None
    if "/" in model:
        return model
    if model.startswith("distil-") and model not in _WHISPER_ELSEWHERE:
        return f"Systran/faster-distil-whisper-{model.removeprefix('distil-')}"
    return _WHISPER_ELSEWHERE.get(model, f"Systran/faster-whisper-{model}")


def fetch_whisper(options: Options, *, offline: bool) -> None:
    """The files of a Whisper model, into the folder from which the engine takes them."""
    repository = whisper_repository(str(options.get("model", "small")))
    if repository is None:
        return
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingDependencyError(
            "faster-whisper is not installed; pip install 'vivavoce[whisper]' brings it"
        ) from error
    try:
        snapshot_download(
            repository,
            cache_dir=options.get("download_root"),
            local_files_only=offline,
            allow_patterns=[*_WHISPER_FILES, _WHISPER_VOCABULARY],
        )
    except (OSError, ValueError) as error:  # the hub's own errors are of these kinds
        raise EngineError(f"the model {repository} cannot be had: {error}") from error


def fetch_gguf(options: Options, *, offline: bool) -> None:
    """The file of a language model that was named by its repository."""
    from vivavoce.engines.llm.gguf_files import gguf_file, is_path

    model = str(options.get("model", ""))
    if not is_path(model):
        gguf_file(model, download_root=options.get("download_root"), offline=offline)


_FETCHERS: Mapping[tuple[Slot, str], Callable[..., None]] = {
    ("stt", "faster-whisper"): fetch_whisper,
    ("llm", "xllamacpp"): fetch_gguf,
}


def downloads_itself(slot: Slot, name: str) -> bool:
    """Whether an engine has its model from the hub."""
    return (slot, name) in _FETCHERS


def fetch(slot: Slot, name: str, options: Options, *, offline: bool) -> None:
    """Bring an engine's model, if it is not here; blocks, with progress on standard error.

    Raises `EngineError` for what cannot be had, and, `offline`, for what is not here.
    """
    fetcher = _FETCHERS.get((slot, name))
    if fetcher is not None:
        fetcher(options, offline=offline)
