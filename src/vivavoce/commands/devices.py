"""Microphone and loudspeaker, through PortAudio: as little code as can be around its callbacks.

PortAudio calls back on a thread of its own, which must never wait.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from vivavoce.audio.units import BYTES_PER_SAMPLE, INNER_RATE
from vivavoce.commands.playback import Cut, PlaybackQueue

try:
    import sounddevice
except OSError as error:  # what it raises where the library itself is missing
    raise click.ClickException(
        "PortAudio is not installed, the library for microphones and speakers. "
        "On Debian and Ubuntu: sudo apt install libportaudio2; on macOS: brew install portaudio"
    ) from error

BLOCK = INNER_RATE // 50
"""Samples of one callback: 20 ms."""

MAX_BLOCKS = 100
"""2 s of the microphone may wait to be sent; after that the oldest is dropped."""


class Microphone:
    """Iterate over it for blocks of 20 ms of 24 kHz PCM. Opened by `open_microphone`."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._blocks: asyncio.Queue[bytes] = asyncio.Queue(MAX_BLOCKS)
        self.dropped = 0
        """Blocks that nobody took in time."""

    def callback(self, data: Any, _frames: int, _time: Any, _status: Any) -> None:
        """On PortAudio's thread: a block was recorded."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._put, bytes(data))

    def _put(self, block: bytes) -> None:
        if self._blocks.full():
            self._blocks.get_nowait()
            self.dropped += 1
        self._blocks.put_nowait(block)

    def __aiter__(self) -> "Microphone":
        return self

    async def __anext__(self) -> bytes:
        return await self._blocks.get()


class Loudspeaker:
    """Plays 24 kHz PCM, and knows how much of it was heard. Opened by `open_loudspeaker`."""

    def __init__(self) -> None:
        self._queue = PlaybackQueue()
        self.latency_ms = 0
        """How long a sample takes from the callback to the ear."""

    def callback(self, data: Any, frames: int, _time: Any, _status: Any) -> None:
        """On PortAudio's thread: a block is wanted."""
        data[:] = self._queue.read(frames * BYTES_PER_SAMPLE)

    def play(self, item_id: str, pcm: bytes) -> None:
        """Play more speech of an item, behind what waits. Raises `PlaybackError` if it is full."""
        self._queue.put(item_id, pcm)

    def end(self, item_id: str) -> None:
        """All speech of this item was given."""
        self._queue.end(item_id)

    def stop(self) -> list[Cut]:
        """Be silent at once; gives what was cut off, and where."""
        return self._queue.cut(self.latency_ms)


@contextmanager
def open_microphone(device: str | None) -> Iterator[Microphone]:
    """The microphone of this number or name, or the system's own; on the event loop.

    Raises `click.ClickException` if it cannot be opened.
    """
    microphone = Microphone()
    with stream(sounddevice.RawInputStream, device, microphone.callback):
        yield microphone


@contextmanager
def open_loudspeaker(device: str | None) -> Iterator[Loudspeaker]:
    """The loudspeaker of this number or name, or the system's own.

    Raises `click.ClickException` if it cannot be opened.
    """
    loudspeaker = Loudspeaker()
    with stream(sounddevice.RawOutputStream, device, loudspeaker.callback) as opened:
        loudspeaker.latency_ms = int(1000 * opened.latency)
        yield loudspeaker


@contextmanager
def stream(kind: Any, device: str | None, callback: Any) -> Iterator[Any]:
    """A running stream of mono 16-bit audio at 24 kHz."""
    chosen = int(device) if device is not None and device.isdecimal() else device
    try:
        opened = kind(
            samplerate=INNER_RATE,
            blocksize=BLOCK,
            device=chosen,
            channels=1,
            dtype="int16",
            callback=callback,
        )
    except (sounddevice.PortAudioError, ValueError) as error:
        raise click.ClickException(
            f"No audio device: {error}. `python -m sounddevice` lists what there is."
        ) from error
    with opened:
        yield opened
