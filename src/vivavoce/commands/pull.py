"""`vivavoce models pull`, and what `serve` brings before it starts."""

import asyncio
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import aiohttp
import click

from vivavoce.config import ConfigError, ModelSpec, Settings
from vivavoce.config.models import DownloadFile
from vivavoce.config.resolution import Choice, own_engines, resolve
from vivavoce.config.weights import url_of
from vivavoce.engines.base import EngineError, MissingDependencyError
from vivavoce.engines.downloads import downloads_itself, fetch

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar  # click has no public name for it

PIECE = 256 * 1024
"""Bytes that are written at a time."""

CONNECT_S = 30.0
SILENCE_S = 60.0
"""Seconds without a byte after which a download has failed."""


async def bring_at_start(settings: Settings) -> None:
    """Download what is needed by the models that are loaded when the server starts.

    An engine whose own download fails is left to its load, which says so and is tried again.
    Raises `ConfigError` for files that cannot be had, and, with `offline`, for what is not here.
    """
    await bring_files(settings, at_start(settings))
    for choice in fetching(settings, at_start(settings)):
        try:
            await asyncio.to_thread(fetch_engine, choice, settings)
        except ConfigError as error:
            if settings.offline:
                raise
            click.secho(f"Notice: {error}", fg="yellow", err=True)


async def bring(settings: Settings, models: list[ModelSpec]) -> None:
    """Download what models need and is not here.

    Raises `ConfigError` for what cannot be had, and, with `offline`, for what is not here.
    """
    await bring_files(settings, models)
    for choice in fetching(settings, models):
        await asyncio.to_thread(fetch_engine, choice, settings)


async def bring_files(settings: Settings, chosen: list[ModelSpec]) -> None:
    """Download the files that models name. Raises `ConfigError`."""
    for file in missing(chosen):
        if settings.offline:
            raise ConfigError(
                f"{file.filename} is not here, and `offline` forbids to download it. Bring it "
                f"with `vivavoce models pull {owner(chosen, file).name}` and the same --config or "
                "--profile."
            )
        await download(file)


def at_start(settings: Settings) -> list[ModelSpec]:
    """The models that are loaded when the server starts."""
    return [model for model in settings.models if model.load == "at_start"]


def missing(models: Iterable[ModelSpec]) -> list[DownloadFile]:
    """The files that are not here, each once."""
    files = {file.filename: file for model in models for file in model.download_files}
    return [file for file in files.values() if not Path(file.filename).is_file()]


def owner(models: Iterable[ModelSpec], file: DownloadFile) -> ModelSpec:
    """The first model that needs a file."""
    return next(model for model in models if file in model.download_files)


def fetching(settings: Settings, models: list[ModelSpec]) -> Iterator[Choice]:
    """The engines that have their models from the hub, each once."""
    choices = [choice for model in models for choice in resolve(model, settings).engines.values()]
    if not settings.models:
        choices += own_engines(settings).values()
    seen: set[str] = set()
    for choice in choices:
        if downloads_itself(choice.slot, choice.engine) and str(choice) not in seen:
            seen.add(str(choice))
            yield choice


def fetch_engine(choice: Choice, settings: Settings) -> None:
    """Bring an engine's model; the hub's library shows the progress. Raises `ConfigError`."""
    options = {**choice.options, **({"model": choice.argument} if choice.argument else {})}
    try:
        fetch(choice.slot, choice.engine, options, offline=True)
        return
    except MissingDependencyError as error:
        raise ConfigError(f"{choice}: {error}") from error
    except EngineError as error:
        if settings.offline:
            raise ConfigError(
                f"The model of {choice} is not here, and `offline` forbids to download it. Bring "
                f"it with `vivavoce models pull` and the same --config or --profile. ({error})"
            ) from error
    click.echo(f"Downloading the model of {choice} …", err=True)
    try:
        fetch(choice.slot, choice.engine, options, offline=False)
    except EngineError as error:
        raise ConfigError(f"{choice}: {error}") from error


async def download(file: DownloadFile) -> None:
    """Bring a file, with a progress bar; what is there is whole. Raises `ConfigError`."""
    url, target = url_of(file.uri), Path(file.filename)
    part = target.with_name(f"{target.name}.part")
    digest = hashlib.sha256()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        async with opened(url) as (pieces, length):
            with part.open("wb") as out, bar(target.name, length) as progress:
                async for piece in pieces:
                    digest.update(piece)
                    await asyncio.to_thread(out.write, piece)
                    progress.update(len(piece))
        if file.sha256 and digest.hexdigest() != file.sha256.lower():
            raise ConfigError(
                f"{url} is not the file that was expected: its SHA-256 is {digest.hexdigest()}, "
                f"not {file.sha256}."
            )
        os.replace(part, target)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ConfigError(f"{url} cannot be downloaded to {target}: {told(error)}") from error
    finally:
        part.unlink(missing_ok=True)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[tuple[AsyncIterator[bytes], int | None]]:
    """A download's pieces, and how many bytes it has if that is known."""
    if url.startswith("file://"):
        path = Path(url2pathname(urlsplit(url).path))
        yield read(path), await asyncio.to_thread(os.path.getsize, path)
        return
    timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_S, sock_read=SILENCE_S, total=None)
    async with (
        aiohttp.ClientSession(
            timeout=timeout, trust_env=True, raise_for_status=True, auto_decompress=False
        ) as http,
        http.get(url) as response,
    ):
        yield response.content.iter_chunked(PIECE), response.content_length


async def read(path: Path) -> AsyncIterator[bytes]:
    """A file of this machine, piece by piece."""
    with path.open("rb") as source:
        while piece := await asyncio.to_thread(source.read, PIECE):
            yield piece


def bar(name: str, length: int | None) -> "ProgressBar[int]":
    """A progress bar on standard error; nothing but a line where nobody looks."""
    return click.progressbar(length=length or 0, label=name, file=sys.stderr)


def told(error: Exception) -> str:
    """An error of a download in words."""
    if isinstance(error, aiohttp.ClientResponseError):
        return f"HTTP {error.status} {error.message}"
    if isinstance(error, TimeoutError):
        return f"nothing came for {SILENCE_S:g} s"
    return str(error) or type(error).__name__


async def run(settings: Settings, names: tuple[str, ...]) -> None:
    """Bring what the named models need, or all."""
    chosen = [model for model in settings.models if not names or model.name in names]
    await bring(settings, chosen)
    what = ", ".join(model.name for model in chosen) or "the engines of the server"
    click.echo(f"All that is needed by {what} is here.")
