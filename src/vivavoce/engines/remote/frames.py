"""Messages on a stream of bytes: four bytes of length, little-endian, and the body.

The length is that of the body. `Frames` takes a stream apart, whatever pieces it comes in.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

MAX_FRAME = 64 * 1024 * 1024
"""Bytes of one body: more than the longest audio or prompt that a session can hold."""

_HEAD = 4

_encoder = msgspec.msgpack.Encoder()


class ProtocolError(Exception):
    """The other side does not keep to the protocol; the text says how. Its connection ends."""


class TooLargeError(ValueError):
    """A message does not fit into one frame."""


def encoded(message: Any) -> bytearray:
    """A frame with `message` in MessagePack.

    Raises `TooLargeError`, and `ValueError` for text with half a character of UTF-16 in it.
    """
    frame = bytearray(_HEAD)
    _encoder.encode_into(message, frame, _HEAD)
    size = len(frame) - _HEAD
    if size > MAX_FRAME:
        raise TooLargeError(f"a message of {size} bytes; at most {MAX_FRAME} are allowed")
    frame[:_HEAD] = size.to_bytes(_HEAD, "little")
    return frame


class Frames:
    """The bodies in a stream of bytes, none of which may have more than `limit` bytes."""

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self.limit = limit
        self._received = bytearray()

    def feed(self, data: bytes | bytearray) -> Iterator[bytes]:
        """The bodies that are complete with these bytes. Raises `ProtocolError` behind them.

        Read them all before the next bytes are fed.
        """
        received = self._received
        received += data
        while len(received) >= _HEAD:
            size = int.from_bytes(received[:_HEAD], "little")
            if size > self.limit:
                raise ProtocolError(f"a frame of {size} bytes; at most {self.limit} are allowed")
            end = _HEAD + size
            if len(received) < end:
                return
            body = bytes(memoryview(received)[_HEAD:end])
            del received[:end]
            yield body
