"""Files that a backend reads and writes: the protocol passes audio by its path."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vivavoce.engines.localai.settings import misconfigured


@contextmanager
def shared_file(folder: str | None) -> Iterator[Path]:
    """The path of a WAV file to be, in a folder of its own that goes when it is left.

    `folder` is one that the backend sees under the same path, by default that of temporary files.
    Raises `EngineError` for one that is not there.
    """
    try:
        own = tempfile.TemporaryDirectory(
            prefix="vivavoce-", dir=folder, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise misconfigured(f"folder: {error.filename}: {error.strerror}") from error
    with own as path:
        yield Path(path, "speech.wav")
