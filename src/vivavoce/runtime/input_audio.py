"""The tape: a session's input audio, in one place (design: Audio stays outside).

Decodes what clients append to 24 kHz mono int16, keeps what has not been committed, and keeps
committed items' audio as long as `retain_audio` says. Positions are samples since the session
began; the machine deals in positions only.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pybase64

from vivavoce.audio import g711
from vivavoce.audio.framing import InputDecoder, OutputEncoder
from vivavoce.audio.units import BYTES_PER_SAMPLE
from vivavoce.protocol.errors import Refusal, refuse
from vivavoce.protocol.session_config import (
    DEFAULT_FORMAT,
    AudioFormat,
    PcmFormat,
    bytes_per_second,
)
from vivavoce.runtime.noise_reduction import NoiseReduction

MAX_APPEND = 15 * 1024 * 1024
"""Bytes: more in one event is refused (protocol 7)."""
CONVERTED_AT_A_TIME = 256 * 1024
"""Bytes of an item's audio."""

Retention = float | None
"""Seconds of audio kept per session for `conversation.item.retrieve`; None keeps all."""


def rate_of(audio_format: AudioFormat) -> int:
    """Hertz."""
    return audio_format.rate if isinstance(audio_format, PcmFormat) else g711.RATE


def kind_of(audio_format: AudioFormat) -> str:
    """`audio/pcm`, `audio/pcmu` or `audio/pcma`."""
    return str(audio_format.__struct_config__.tag)


def input_decoder(audio_format: AudioFormat) -> InputDecoder:
    """A decoder for a client's audio."""
    return InputDecoder(kind_of(audio_format), rate_of(audio_format))


def output_encoder(audio_format: AudioFormat) -> OutputEncoder:
    """An encoder for a client's audio."""
    return OutputEncoder(kind_of(audio_format), rate_of(audio_format))


def decode_base64(audio: str) -> bytes:
    """The bytes of an append. Raises `Refusal` for what is no base64, or too much."""
    if len(audio) > MAX_APPEND * 4 // 3 + 4:
        raise append_too_long(len(audio) * 3 // 4)
    try:
        data = pybase64.b64decode(audio, validate=True)
    except ValueError as error:
        raise refuse(
            "invalid_value", "Invalid 'audio': expected base64-encoded audio.", "audio"
        ) from error
    if len(data) > MAX_APPEND:
        raise append_too_long(len(data))
    return data


def append_too_long(length: int) -> Refusal:
    """An append beyond 15 MiB."""
    text = (
        f"Invalid 'audio': at most {MAX_APPEND} bytes of audio fit into one event, "
        f"but this one has {length}."
    )
    return refuse("string_above_max_length", text, "audio")


@dataclass(frozen=True, slots=True)
class KeptAudio:
    """The audio of one item, and the format that it is in."""

    audio: bytes
    format: AudioFormat

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.audio) / bytes_per_second(self.format)

    def size_in(self, audio_format: AudioFormat) -> int:
        """About how many bytes it has in this format."""
        return len(self.audio) * bytes_per_second(audio_format) // bytes_per_second(self.format)

    def base64_in(self, audio_format: AudioFormat) -> str:
        """The audio in this format and in base64; converting may take a third of a second."""
        audio = self.audio if audio_format == self.format else self._converted(audio_format)
        return pybase64.b64encode_as_string(audio)

    def _converted(self, audio_format: AudioFormat) -> bytes:
        """Piece by piece, so that another thread need not wait for all of it."""
        decoder, encoder = input_decoder(self.format), output_encoder(audio_format)
        starts = range(0, len(self.audio), CONVERTED_AT_A_TIME)
        pieces = [
            encoder.push(decoder.push(self.audio[start : start + CONVERTED_AT_A_TIME]))
            for start in starts
        ]
        return b"".join(pieces) + encoder.flush()


class Sound(NamedTuple):
    """Samples at 24 kHz: as they were sent, and as many as they are heard."""

    pcm: bytes
    heard: bytes


class Tape:
    """One session's input audio, as it was sent and, if noise is reduced, as it is heard."""

    def __init__(self, audio_format: AudioFormat, *, retain_s: Retention) -> None:
        self._format = audio_format
        self._decoder = input_decoder(audio_format)
        self._retain_s = retain_s
        self._base = 0
        self._pcm = bytearray()
        self._heard: bytearray | None = None
        """The same samples with less noise; None if they are heard as they were sent."""
        self._reduction: NoiseReduction | None = None
        self._kept: dict[str, KeptAudio] = {}
        self.on_audio: Callable[[bytes], None] | None = None
        """Told of all PCM that is added, as it is heard, while somebody listens."""

    @property
    def format(self) -> AudioFormat:
        """The client's format."""
        return self._format

    @property
    def end(self) -> int:
        """The position behind the last sample."""
        return self._base + len(self._pcm) // BYTES_PER_SAMPLE

    def decode(self, data: bytes) -> Sound:
        """The client's bytes as sound; must be called in the order of the appends."""
        pcm, reduction = self._decoder.push(data), self._reduction
        return Sound(pcm, pcm if reduction is None else reduction.heard(pcm))

    def add(self, pcm: bytes, heard: bytes | None = None) -> int:
        """Append PCM, and give the new end. Without `heard` it is heard as it is."""
        heard = pcm if heard is None else heard
        kept = self._pcm
        kept += pcm
        if self._heard is not None:
            self._heard += heard
        if self.on_audio is not None:
            self.on_audio(heard)
        return self._base + len(kept) // BYTES_PER_SAMPLE

    def reduce_noise(self, reduction: NoiseReduction | None) -> None:
        """What comes from now on is heard through this. What has come stays as it was heard."""
        self._reduction = reduction
        if reduction is not None and self._heard is None:
            self._heard = bytearray(self._pcm)

    def set_format(self, audio_format: AudioFormat) -> None:
        """The client's format changed; an odd byte of the old one is dropped."""
        if audio_format != self._format:
            self._format = audio_format
            self._decoder = input_decoder(audio_format)

    def read(self, start: int, end: int | None = None) -> bytes:
        """The samples from `start` to `end`, or to the end of the tape, as they are heard."""
        return self._samples(self._pcm if self._heard is None else self._heard, start, end)

    def _samples(self, pcm: bytearray, start: int, end: int | None) -> bytes:
        first = max(start - self._base, 0) * BYTES_PER_SAMPLE
        last = None if end is None else max(end - self._base, 0) * BYTES_PER_SAMPLE
        return bytes(memoryview(pcm)[first:last])

    def keep(self, item_id: str, start: int, end: int) -> None:
        """These samples are an item's now, as they were sent; what lies before them is not needed
        any more."""
        self._retain(item_id, KeptAudio(self._samples(self._pcm, start, end), DEFAULT_FORMAT))
        self.trim(end)

    def keep_clip(self, item_id: str, audio: bytes, audio_format: AudioFormat) -> None:
        """An item came with audio of its own, in a client's format, and stays in it."""
        self._retain(item_id, KeptAudio(audio, audio_format))

    def trim(self, before: int) -> None:
        """Forget what lies before this position."""
        count = min(before, self.end) - self._base
        if count > 0:
            del self._pcm[: count * BYTES_PER_SAMPLE]
            if self._heard is not None:
                del self._heard[: count * BYTES_PER_SAMPLE]
            self._base += count

    def drop(self, item_id: str) -> None:
        """Forget an item's audio."""
        self._kept.pop(item_id, None)

    def kept(self, item_id: str) -> KeptAudio | None:
        """An item's audio, if it is still kept."""
        return self._kept.get(item_id)

    def _retain(self, item_id: str, kept: KeptAudio) -> None:
        """Keep an item's audio, and let go of the oldest beyond the retention."""
        self._kept[item_id] = kept
        if self._retain_s is None:
            return
        total_s = sum(one.seconds for one in self._kept.values())
        while total_s > self._retain_s and self._kept:
            oldest = next(iter(self._kept))
            total_s -= self._kept.pop(oldest).seconds
