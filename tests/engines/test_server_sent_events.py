from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.openai_http.server_sent_events import (
    MAX_EVENT_BYTES,
    EventStreamParser,
    EventTooLongError,
    ServerSentEvent,
)

# Not all three in one stream: "\r" and "\n" side by side are one end and not two.
line_ends = st.sampled_from([["\n", "\r\n"], ["\r"]]).map(st.sampled_from)
texts = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)
# Other lines that may stand in an event, and change nothing.
asides = st.sampled_from([": ping", ":", "id: 7", "retry: 100", "unknown: field", "id"])


@st.composite
def written_events(draw: st.DrawFn) -> tuple[bytes, list[ServerSentEvent]]:
    """A stream, and the events that it holds."""
    lines: list[str] = []
    events: list[ServerSentEvent] = []
    for _ in range(draw(st.integers(0, 4))):
        data = draw(st.lists(texts, min_size=1, max_size=3))
        name = draw(st.sampled_from(["message", "error"]))
        if name != "message":
            lines.append(f"event: {name}")
        for text in data:
            lines += draw(st.lists(asides, max_size=2))
            lines.append(f"data: {text}")
        lines.append("")
        events.append(ServerSentEvent("\n".join(data), name))
    line_end = draw(line_ends)
    bom = draw(st.sampled_from(["", "\ufeff"]))
    return (bom + "".join(line + draw(line_end) for line in lines)).encode(), events


@st.composite
def chunkings(draw: st.DrawFn, stream: st.SearchStrategy[bytes]) -> tuple[bytes, list[bytes]]:
    """A stream, and the same cut anywhere."""
    whole = draw(stream)
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    bounds = [0, *cuts, len(whole)]
    return whole, [whole[a:b] for a, b in pairwise(bounds)]


def parse(*chunks: bytes) -> list[ServerSentEvent]:
    parser = EventStreamParser()
    return [event for chunk in chunks for event in parser.receive(chunk)]


@given(written_events())
def test_what_was_written_is_read(written: tuple[bytes, list[ServerSentEvent]]) -> None:
    stream, events = written
    assert parse(stream) == events


@given(chunkings(written_events().map(lambda written: written[0])))
def test_any_chunking_gives_the_same_events(cut: tuple[bytes, list[bytes]]) -> None:
    whole, chunks = cut
    assert parse(*chunks) == parse(whole)


@given(
    chunkings(
        st.lists(
            st.sampled_from([b"data", b":", b" ", b"\r", b"\n", b"\xc3", b"\xa9"]), max_size=40
        ).map(b"".join)
    )
)
def test_nonsense_in_any_chunking_gives_the_same_events(cut: tuple[bytes, list[bytes]]) -> None:
    whole, chunks = cut
    assert parse(*chunks) == parse(whole)


def test_an_empty_chunk_between_the_halves_of_a_line_end_changes_nothing() -> None:
    assert parse(b"data: one\r", b"", b"\n") == []


def test_an_event_without_its_empty_line_is_not_complete() -> None:
    assert parse(b"data: one\n\ndata: two\n") == [ServerSentEvent("one")]


def test_only_one_space_behind_the_colon_is_taken() -> None:
    assert parse(b"data:no\n\ndata:  two\n\n") == [ServerSentEvent("no"), ServerSentEvent(" two")]


def test_a_carriage_return_at_the_end_of_a_chunk_ends_the_line_at_once() -> None:
    parser = EventStreamParser()
    assert parser.receive(b"data: now\r\r") == [ServerSentEvent("now")]
    assert parser.receive(b"\ndata: next\r\n\r\n") == [ServerSentEvent("next")]


def test_bytes_that_are_no_utf_8_are_replaced() -> None:
    assert parse(b"data: \xff\n\n") == [ServerSentEvent("\ufffd")]


def test_an_endless_event_is_refused() -> None:
    parser = EventStreamParser()
    parser.receive(b"data: " + bytes(MAX_EVENT_BYTES // 2))
    with pytest.raises(EventTooLongError):
        parser.receive(bytes(MAX_EVENT_BYTES // 2))


def test_comments_may_go_on_for_ever() -> None:
    comments = b": still there\n" * 1000
    parser = EventStreamParser()
    for _ in range(MAX_EVENT_BYTES // len(comments) + 1):
        assert parser.receive(comments) == []
    assert parser.receive(b"data: at last\n\n") == [ServerSentEvent("at last")]
