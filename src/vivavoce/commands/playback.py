"""The queue in front of a loudspeaker: what waits, and what has been played of what."""

import threading
from collections import deque
from dataclasses import dataclass, field

from vivavoce.audio.units import BYTES_PER_MS

PREBUFFER_MS = 500
"""An answer begins when so much of it is there, or all: a slow network then leaves no gaps."""

MAX_WAITING_MS = 600_000
"""Ten minutes: more than any answer is long."""


class PlaybackError(Exception):
    """More speech came than anybody will listen to."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How much of an item was played when its playback was cut: `conversation.item.truncate`."""

    item_id: str
    played_ms: int


@dataclass(slots=True)
class _Item:
    item_id: str
    waiting: deque[bytes] = field(default_factory=deque)
    waiting_bytes: int = 0
    read_bytes: int = 0
    ended: bool = False
    playing: bool = False

    def may_play(self) -> bool:
        """Whether it has begun, or may begin."""
        enough = self.waiting_bytes >= PREBUFFER_MS * BYTES_PER_MS
        self.playing = self.playing or self.ended or enough
        return self.playing

    def read(self, size: int) -> bytes:
        """Take at most `size` bytes."""
        taken = bytearray()
        while self.waiting and len(taken) < size:
            piece = self.waiting.popleft()
            room = size - len(taken)
            taken += piece[:room]
            if len(piece) > room:
                self.waiting.appendleft(piece[room:])
        self.waiting_bytes -= len(taken)
        self.read_bytes += len(taken)
        return bytes(taken)


class PlaybackQueue:
    """Speech on its way to a loudspeaker, one item after the other, as 24 kHz PCM.

    `read` belongs to the loudspeaker's own thread, everything else to the event loop.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._items: deque[_Item] = deque()

    def put(self, item_id: str, pcm: bytes) -> None:
        """More speech of an item. Raises `PlaybackError` if ten minutes are waiting."""
        with self._lock:
            waiting = sum(item.waiting_bytes for item in self._items)
            if waiting + len(pcm) > MAX_WAITING_MS * BYTES_PER_MS:
                raise PlaybackError("The server sends more speech than can be played.")
            if not self._items or self._items[-1].item_id != item_id:
                self._items.append(_Item(item_id))
            self._items[-1].waiting.append(pcm)
            self._items[-1].waiting_bytes += len(pcm)

    def end(self, item_id: str) -> None:
        """All speech of this item was put."""
        with self._lock:
            for item in self._items:
                if item.item_id == item_id:
                    item.ended = True

    def read(self, size: int) -> bytes:
        """The next `size` bytes to play, silence where there is nothing."""
        with self._lock:
            played = b""
            while self._items and len(played) < size and self._items[0].may_play():
                item = self._items[0]
                played += item.read(size - len(played))
                if item.waiting:
                    continue
                if not item.ended:
                    break
                self._items.popleft()
            return played.ljust(size, b"\0")

    def cut(self, latency_ms: int) -> list[Cut]:
        """Drop everything, and say how much was heard of each item that was not played to its end.

        `latency_ms` is how long audio that was read takes to the ear.
        """
        with self._lock:
            cuts = [
                Cut(item.item_id, max(0, item.read_bytes // BYTES_PER_MS - latency_ms))
                for item in self._items
            ]
            self._items.clear()
            return cuts
