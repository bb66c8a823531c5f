"""Recorded speech in files of PCM, for programs that cannot read the package's recordings."""

from pathlib import Path

from support.sound import silence
from vivavoce.speech import clip


def write_recording(folder: Path, name: str, *, silence_ms: int) -> str:
    """A recorded sentence and the silence that ends its turn, 24 kHz mono int16; gives the file."""
    file = folder / f"{name}.pcm"
    file.write_bytes(clip(name).pcm + silence(silence_ms))
    return str(file)
