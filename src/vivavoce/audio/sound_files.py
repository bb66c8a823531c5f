"""Sound files of any common kind to PCM: what somebody uploads.

WAV files of 16-bit PCM need nothing. Others (WAV of any width, FLAC, MP3, Ogg Vorbis and Opus,
AIFF, …) are read by libsndfile where the package soundfile is installed.
"""

import io

import numpy as np

from vivavoce.audio.pcm import FULL_SCALE, to_pcm
from vivavoce.audio.resample import Resampler, convert
from vivavoce.audio.units import BYTES_PER_SAMPLE, INNER_RATE
from vivavoce.audio.wav import read_wav

ALWAYS = "WAV of 16-bit PCM"
WITH_SOUNDFILE = "WAV, FLAC, MP3, Ogg (Vorbis, Opus), AIFF"
_BLOCK = 1 << 16
"""Frames that are decoded at a time."""


class UnreadableSoundError(ValueError):
    """A file is no sound that can be read here; the text says what can."""


class SoundTooLongError(ValueError):
    """A file plays for longer than is taken."""


def read_sound(data: bytes, *, max_seconds: int) -> bytes:
    """Decode a file to mono int16 PCM at 24 kHz; channels are averaged. Blocks: CPU work.

    Raises `UnreadableSoundError`, and `SoundTooLongError` as soon as that is known.
    """
    if data.startswith(b"RIFF"):
        try:
            pcm, rate = read_wav(data)
        except ValueError:
            return _decoded(data, max_seconds)
        _check_length(len(pcm) // BYTES_PER_SAMPLE / rate, max_seconds)
        return convert(pcm, rate, INNER_RATE)
    return _decoded(data, max_seconds)


def _decoded(data: bytes, max_seconds: int) -> bytes:
    """What libsndfile makes of a file, in blocks: a small file may be long."""
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: the package without its library
        raise UnreadableSoundError(
            f"The file is not {ALWAYS}, which is all that is read without the package soundfile "
            "(pip install 'vivavoce[files]')."
        ) from error
    pcm = bytearray()
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            resampler = Resampler(file.samplerate, INNER_RATE)
            # Not by `blocks`, which goes on for the length that a file names, be it endless.
            while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
                mono = block.mean(axis=1, dtype=np.float32)
                pcm += resampler.push(to_pcm(mono * np.float32(FULL_SCALE)))
                _check_length(len(pcm) // BYTES_PER_SAMPLE / INNER_RATE, max_seconds)
            pcm += resampler.flush()
    except soundfile.LibsndfileError as error:
        raise UnreadableSoundError(
            f"The file cannot be read: {error.error_string} Taken are {WITH_SOUNDFILE}."
        ) from error
    return bytes(pcm)


def _check_length(seconds: float, max_seconds: int) -> None:
    if seconds > max_seconds:
        raise SoundTooLongError(f"The file plays for more than {max_seconds} seconds.")
