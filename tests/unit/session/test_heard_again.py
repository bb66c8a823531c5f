"""Of what a user has said, a model that hears is given the newest; the rest it reads."""

import pytest

from vivavoce.protocol.items import MessageItem
from vivavoce.protocol.prompt import AudioClip
from vivavoce.session.conversation import (
    Entry,
    Forgotten,
    Heard,
    Inaudible,
    Noise,
    Pending,
    Text,
    user_entry,
)
from vivavoce.session.heard_again import with_recent_speech


def speech(name: str, seconds: int, heard: Heard | None = None) -> Entry:
    clip = AudioClip(item_id=name, start=0, end=24_000 * seconds)
    return user_entry(name, heard, clip)


def still_heard(entries: tuple[Entry, ...]) -> list[str]:
    """Of which items the recording is given."""
    return [entry.item.id for entry in entries if entry.clip is not None]


def test_as_much_as_fits_is_heard_newest_first() -> None:
    entries = [speech("a", 3), speech("b", 3), speech("c", 3)]
    assert still_heard(with_recent_speech(entries, 6000)) == ["b", "c"]


def test_what_lies_before_a_recording_that_is_too_long_is_read_too() -> None:
    entries = [speech("a", 1), speech("b", 9), speech("c", 3)]
    assert still_heard(with_recent_speech(entries, 6000)) == ["c"]


def test_the_newest_is_heard_however_long_it_is() -> None:
    assert still_heard(with_recent_speech([speech("a", 1), speech("b", 99)], 6000)) == ["b"]


def test_what_has_no_recording_counts_for_nothing() -> None:
    written = Entry(MessageItem(id="w", role="user", content=()))
    entries = with_recent_speech([speech("a", 3), written, speech("b", 3)], 6000)
    assert entries[1] is written
    assert still_heard(entries) == ["a", "b"]


@pytest.mark.parametrize(
    ("known", "read"),
    [
        (Text("hello"), Text("hello")),
        (Noise(), Noise()),
        (Inaudible(), Inaudible()),
        (Pending(), Forgotten()),
        (None, Forgotten()),
    ],
)
def test_it_is_read_as_it_was_written_down(known: Heard | None, read: Heard) -> None:
    old, _ = with_recent_speech([speech("a", 3, known), speech("b", 6)], 6000)
    assert old.heard == read
