"""Speech as files that are written while it is spoken: bare PCM, WAV, FLAC, MP3, Ogg Opus.

The first two need nothing; the others are written by libsndfile where the package soundfile is
installed. All take mono int16 PCM at 24 kHz.
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

from vivavoce.audio.pcm import to_samples
from vivavoce.audio.units import BYTES_PER_SAMPLE, INNER_RATE

_UNKNOWN = 0xFFFFFFFF
"""A length in the header of a WAV file that is streamed."""


class MissingEncoderError(ValueError):
    """A format needs a package that is not installed; the text says which."""


class Encoder(Protocol):
    """Writes one file, piece by piece. May block for as long as encoding takes."""

    def push(self, pcm: bytes) -> bytes:
        """Take further whole samples, give the bytes of the file that follow from them."""
        ...

    def flush(self) -> bytes:
        """Give the end of the file."""
        ...


class PcmEncoder:
    """The samples as they are."""

    def push(self, pcm: bytes) -> bytes:
        """Give them back."""
        return pcm

    def flush(self) -> bytes:
        """Nothing is held back."""
        return b""


class WavEncoder:
    """A WAV file whose header says that its length is not known, as players of streams expect."""

    def __init__(self) -> None:
        self._header = wav_header()

    def push(self, pcm: bytes) -> bytes:
        """The samples, behind the header the first time."""
        header, self._header = self._header, b""
        return header + pcm

    def flush(self) -> bytes:
        """The header, of a file without samples."""
        return self.push(b"")


def wav_header() -> bytes:
    """The 44 bytes in front of a stream of samples."""
    rate, width = INNER_RATE, BYTES_PER_SAMPLE
    fields = ((1, 2), (1, 2), (rate, 4), (rate * width, 4), (width, 2), (8 * width, 2))
    layout = b"".join(value.to_bytes(size, "little") for value, size in fields)
    unknown = _UNKNOWN.to_bytes(4, "little")
    return b"RIFF" + unknown + b"WAVEfmt " + (16).to_bytes(4, "little") + layout + b"data" + unknown


class SndfileEncoder:
    """A file that libsndfile writes. With `streamed` it is given as it grows: what is changed in
    its beginning at the end, to name its length, is then lost."""

    def __init__(self, container: str, coding: str, *, streamed: bool, **options: Any) -> None:
        try:
            import soundfile
        except (ImportError, OSError) as error:  # OSError: the package without its library
            raise MissingEncoderError(
                "needs the package soundfile (pip install 'vivavoce[files]'); pcm and wav do not"
            ) from error
        self._streamed = streamed
        self._written = io.BytesIO()
        self._given = 0
        self._file: Any = soundfile.SoundFile(
            self._written,
            "w",
            INNER_RATE,
            channels=1,
            format=container,
            subtype=coding,
            **options,
        )

    def push(self, pcm: bytes) -> bytes:
        """The bytes that are written behind those that were given before."""
        self._file.write(to_samples(pcm))
        return self._news() if self._streamed else b""

    def flush(self) -> bytes:
        """Close the file, and give its end."""
        self._file.close()
        return self._news()

    def _news(self) -> bytes:
        with self._written.getbuffer() as written:
            news = written[self._given :].tobytes()
        self._given += len(news)
        return news


def flac() -> Encoder:
    """Given as a whole: readers stumble over a FLAC file that does not name its length."""
    return SndfileEncoder("FLAC", "PCM_16", streamed=False)


def mp3() -> Encoder:
    """80 kbit/s. From a constant rate players tell how long a file is that does not say it."""
    return SndfileEncoder(
        "MP3",
        "MPEG_LAYER_III",
        streamed=True,
        compression_level=0.5,  # else the mode has no effect
        bitrate_mode="CONSTANT",
    )


def opus() -> Encoder:
    """In an Ogg container, whose pages each tell their time."""
    return SndfileEncoder("OGG", "OPUS", streamed=True)


@dataclass(frozen=True, slots=True)
class Encoding:
    """A format by its name in OpenAI's API."""

    media_type: str
    encoder: Callable[[], Encoder]
    """Makes one for a file. Raises `MissingEncoderError`."""


ENCODINGS: Mapping[str, Encoding] = MappingProxyType(
    {
        "pcm": Encoding("audio/pcm", PcmEncoder),
        "wav": Encoding("audio/wav", WavEncoder),
        "flac": Encoding("audio/flac", flac),
        "mp3": Encoding("audio/mpeg", mp3),
        "opus": Encoding("audio/ogg", opus),
    }
)
