"""WAV files of 16-bit PCM, in memory or on disk."""

import io
import wave
from pathlib import Path

import numpy as np

from vivavoce.audio.pcm import to_pcm, to_samples
from vivavoce.audio.units import BYTES_PER_SAMPLE


def read_wav(source: Path | str | bytes) -> tuple[bytes, int]:
    """Read a WAV file, from a path or from its bytes.

    Gives mono int16 PCM and its rate in hertz; two channels are averaged. Raises `ValueError`,
    naming what was found, for what is not 16-bit PCM in one or two channels.
    """
    try:
        with wave.open(io.BytesIO(source) if isinstance(source, bytes) else str(source)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        reason = str(error) or "it ends too early"
        raise ValueError(f"not a WAV file of 16-bit PCM: {reason}") from error
    if width != BYTES_PER_SAMPLE or channels > 2:
        found = f"{8 * width} bits in {channels} channel(s)"
        raise ValueError(f"a WAV file of 16 bits in one or two channels is needed, not {found}")
    whole = frames[: len(frames) // (width * channels) * width * channels]
    if channels == 1:
        return whole, rate
    return to_pcm(to_samples(whole).reshape(-1, 2).mean(axis=1, dtype=np.float32)), rate


def write_wav(path: Path | str, pcm: bytes, rate: int) -> None:
    """Write mono int16 PCM at `rate` hertz as a WAV file."""
    Path(path).write_bytes(wav_bytes(pcm, rate))


def wav_bytes(pcm: bytes, rate: int) -> bytes:
    """Give mono int16 PCM at `rate` hertz as the bytes of a WAV file."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(BYTES_PER_SAMPLE)
        file.setframerate(rate)
        file.writeframes(pcm)
    return written.getvalue()
