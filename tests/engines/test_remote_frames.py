"""Frames come apart as they were put together, whatever pieces the stream comes in."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.remote import frames
from vivavoce.engines.remote.frames import Frames, ProtocolError, TooLargeError, encoded
from vivavoce.engines.remote.link import Link
from vivavoce.engines.remote.messages import to_host, to_user


@given(st.lists(st.binary(max_size=300)), st.lists(st.integers(1, 50), min_size=1))
def test_what_went_in_comes_out_in_any_pieces(messages: list[bytes], steps: list[int]) -> None:
    stream = b"".join(encoded(message) for message in messages)
    taken, at, number, found = Frames(), 0, 0, list[bytes]()
    while at < len(stream):
        step = steps[number % len(steps)]
        found += taken.feed(stream[at : at + step])
        at, number = at + step, number + 1
    assert [msgspec.msgpack.decode(body) for body in found] == messages


def test_a_frame_above_the_limit_is_refused_before_it_has_come() -> None:
    taken = Frames(limit=10)
    assert list(taken.feed(encoded(b"12345678"))) == [b"\xc4\x0812345678"]
    with pytest.raises(ProtocolError, match=r"a frame of 11 bytes; at most 10"):
        list(taken.feed((11).to_bytes(4, "little")))


def test_a_message_that_is_too_large_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_FRAME", 100)
    with pytest.raises(TooLargeError, match="a message of 103 bytes"):
        encoded(bytes(101))


class Wire:
    """A transport that knows whether it was ended."""

    ended = False

    def is_closing(self) -> bool:
        return self.ended

    def abort(self) -> None:
        self.ended = True

    def get_extra_info(self, name: str) -> None:
        return None


class Taking:
    """A receiver."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def received(self, message: Any) -> None:
        self.messages.append(message)

    def lost(self, reason: str | None) -> None:
        raise AssertionError("a link that only takes bytes is not told of its end")


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "little") + body


SOUND = encoded(["Cancel", 7])[4:]


@given(
    st.one_of(
        st.binary(),
        st.binary().map(framed),
        st.recursive(
            st.none() | st.integers(-(2**63), 2**63) | st.text() | st.binary(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ).map(lambda value: bytes(encoded(value))),
        st.just(framed(b"\x91" * 100_000)),
        st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)).map(
            lambda at: framed(bytes(SOUND[: at[0]]) + bytes([at[1]]) + bytes(SOUND[at[0] + 1 :]))
        ),
    ),
    st.sampled_from([to_host, to_user]),
)
def test_bytes_from_a_stranger_are_messages_or_end_the_connection(
    data: bytes, decoder: msgspec.msgpack.Decoder[Any]
) -> None:
    wire, taking = Wire(), Taking()
    link = Link(decoder, taking)
    link.connection_made(wire)  # type: ignore[arg-type]
    link.data_received(data)
    if not wire.ended:
        assert all(isinstance(message, msgspec.Struct) for message in taking.messages)
