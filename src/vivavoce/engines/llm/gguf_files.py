"""Where the file of a GGUF model is: a path, or a repository of the Hugging Face hub."""

import fnmatch
import re
from pathlib import Path

from vivavoce.engines.base import EngineError, MissingDependencyError

DEFAULT_QUANTISATION = "Q4_K_M"
"""What llama.cpp itself takes of a repository, if nothing is said."""

_PROJECTOR = "mmproj*"
_FURTHER_PART = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.gguf$")


def gguf_file(model: str, *, download_root: str | None, offline: bool) -> Path:
    """The file that `model` names; blocks while it is downloaded.

    `model` is a path, which begins with `/`, `.` or `~` or ends in `.gguf`, or `OWNER/NAME` on
    the hub with an optional `:QUANTISATION`. Of a model in parts it is the first. A model that is
    not here is downloaded into `download_root`, by default the hub's own cache, unless `offline`.
    Raises `EngineError`, and `MissingDependencyError` without the hub's library.
    """
    if is_path(model):
        path = Path(model).expanduser()
        if not path.is_file():
            raise EngineError(f"there is no file {path}", code="invalid_configuration")
        return path
    repository, _, quantisation = model.partition(":")
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise EngineError(
            f"{model!r} is neither the path of a GGUF file nor OWNER/NAME[:QUANTISATION] on the "
            "hub",
            code="invalid_configuration",
        )
    quantisation = quantisation or DEFAULT_QUANTISATION
    folder = _fetched(repository, quantisation, download_root=download_root, offline=offline)
    return _chosen(folder, repository, quantisation)


def is_path(model: str) -> bool:
    """Whether a model is named by its path."""
    return model.startswith(("/", ".", "~")) or model.lower().endswith(".gguf")


def _fetched(
    repository: str, quantisation: str, *, download_root: str | None, offline: bool
) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingDependencyError(
            "a model from the hub needs huggingface-hub; pip install 'vivavoce[llama]' brings it"
        ) from error
    try:
        folder = snapshot_download(
            repository,
            cache_dir=download_root,
            local_files_only=offline,
            allow_patterns=_patterns(quantisation),
            ignore_patterns=[_PROJECTOR],
        )
    except (OSError, ValueError) as error:  # what the hub raises is one of these
        how = " was not downloaded yet, and `offline` forbids to" if offline else ": no download"
        raise EngineError(
            f"the model {repository!r}{how}: {error}", code="model_not_found"
        ) from error
    return Path(folder)


def _patterns(quantisation: str) -> list[str]:
    """File names by that quantisation, in the two ways in which people write them."""
    return [f"*{name}*.gguf" for name in (quantisation.upper(), quantisation.lower())]


def _chosen(folder: Path, repository: str, quantisation: str) -> Path:
    files = sorted(folder.rglob("*.gguf"))
    fitting = [
        file
        for file in files
        if any(fnmatch.fnmatchcase(file.name, pattern) for pattern in _patterns(quantisation))
        and not fnmatch.fnmatchcase(file.name, _PROJECTOR)
        and not _FURTHER_PART.search(file.name)
    ]
    if not fitting:
        there = ", ".join(file.name for file in files) or "none"
        raise EngineError(
            f"{repository} has no GGUF file with {quantisation!r} in its name (here: {there})",
            code="model_not_found",
        )
    return fitting[0]
