"""Files and folders that a configuration names: their whole paths, from the folder of its file."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from vivavoce.config.errors import ConfigError
from vivavoce.config.models import DownloadFile, ModelSpec

SCRIPTED = "scripted"
"""What the names of the engines begin with that follow a script."""


def located(spec: ModelSpec, folder: Path) -> ModelSpec:
    """The model with whole paths for its scripts and for the files that it downloads,
    in its engines' options too."""
    paths = {
        each.filename: str(folder / Path(each.filename).expanduser())
        for each in spec.download_files
    }
    files = tuple(
        DownloadFile(filename=paths[each.filename], uri=each.uri, sha256=each.sha256)
        for each in spec.download_files
    )
    pipeline = spec.pipeline
    if pipeline is not None:
        pipeline = replace(pipeline, llm=with_script(pipeline.llm, folder))
    return replace(
        spec,
        download_files=files,
        pipeline=_with_paths(pipeline, paths),
        engine=_with_paths(with_script(spec.engine, folder), paths),
        speech=with_script(spec.speech, folder),
    )


def with_script(engine: Any, folder: Path) -> Any:
    """An engine as it was written, with the whole path of its reply script, if it has one."""
    match engine:
        case str() if engine.startswith(f"{SCRIPTED}:"):
            return f"{SCRIPTED}:{folder / Path(engine.partition(':')[2]).expanduser()}"
        case {"engine": str(name), "script": str(script)} if name.startswith(SCRIPTED):
            return {**engine, "script": str(folder / Path(script).expanduser())}
        case _:
            return engine


def _with_paths(value: Any, paths: Mapping[str, str]) -> Any:
    """`value` with every string that is the name of a file replaced by the file's path."""
    match value:
        case str():
            return paths.get(value, value)
        case dict():
            return {key: _with_paths(below, paths) for key, below in value.items()}
        case list():
            return [_with_paths(below, paths) for below in value]
        case msgspec.Struct():
            below = msgspec.structs.asdict(value)
            return type(value)(**{key: _with_paths(each, paths) for key, each in below.items()})
        case _:
            return value


def trace_folder(path: str | None) -> Path | None:
    """The folder for traces, made if need be. Raises `ConfigError` if it cannot be written to."""
    if path is None:
        return None
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise ConfigError(
            f"trace: no file can be made in {folder}: {error.strerror}. Give a folder."
        ) from error
