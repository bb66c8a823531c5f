"""What a user has said, kept for a model that hears it."""

import pytest

from support.sound import RATE, silence, tone
from vivavoce.protocol.prompt import UNKEPT, AudioClip, Message, Prompt
from vivavoce.protocol.session_config import DEFAULT_FORMAT, AudioFormat, PcmuFormat
from vivavoce.runtime.input_audio import Tape
from vivavoce.runtime.recordings import KEPT_S, Recordings, with_speech

SECOND = RATE


def tape_with(*sounds: bytes) -> Tape:
    """A tape that keeps nothing of items itself."""
    tape = Tape(DEFAULT_FORMAT, retain_s=0.0)
    for sound in sounds:
        tape.add(sound)
    return tape


def commit(tape: Tape, recordings: Recordings, item_id: str, start: int, end: int) -> None:
    """This part of the tape becomes an item, as the driver does it."""
    recordings.keep(AudioClip(item_id=item_id, start=start, end=end))
    tape.keep(item_id, start, end)


def asked(*clips: AudioClip) -> Prompt:
    return Prompt(messages=tuple(Message(role="user", speech=(clip,)) for clip in clips))


def filled(
    recordings: Recordings, prompt: Prompt, rate: int = RATE, **words: str
) -> list[bytes | str]:
    """The samples of each message, or its words."""
    messages = with_speech(prompt, recordings.find(prompt), words, rate).messages
    return [message.speech[0].pcm if message.speech else message.text for message in messages]


def test_a_turn_that_is_open_is_read_from_the_tape() -> None:
    tape = tape_with(silence(1000), tone(1000))
    clip = AudioClip(item_id="item", start=SECOND, end=2 * SECOND)
    assert filled(Recordings(tape), asked(clip)) == [tone(1000)]


def test_an_item_is_kept_when_the_tape_has_let_go_of_it() -> None:
    tape = tape_with(silence(1000), tone(1000), silence(500))
    recordings = Recordings(tape)
    commit(tape, recordings, "item", SECOND // 2, 5 * SECOND // 2)
    tape.add(silence(4000))
    clip = AudioClip(item_id="item", start=SECOND, end=2 * SECOND)
    assert filled(recordings, asked(clip)) == [tone(1000)]


def test_it_is_given_at_the_rate_of_the_model() -> None:
    tape = tape_with(tone(1000))
    (pcm,) = filled(Recordings(tape), asked(AudioClip(item_id="i", start=0, end=SECOND)), 16_000)
    assert len(pcm) == pytest.approx(2 * 16_000, abs=4)


@pytest.mark.parametrize(
    ("audio_format", "audio"),
    [(DEFAULT_FORMAT, tone(500)), (PcmuFormat(), bytes(4000))],
)
def test_speech_that_came_with_its_item_is_heard(audio_format: AudioFormat, audio: bytes) -> None:
    recordings = Recordings(tape_with())
    recordings.keep_clip("item", audio, audio_format)
    (pcm,) = filled(recordings, asked(AudioClip(item_id="item", start=0, end=SECOND // 2)))
    assert len(pcm) == pytest.approx(SECOND, abs=100)


def test_what_is_gone_is_told_of_in_words() -> None:
    tape = tape_with(tone(1000))
    recordings = Recordings(tape)
    commit(tape, recordings, "item", 0, SECOND)
    recordings.drop("item")
    assert filled(recordings, asked(AudioClip(item_id="item", start=0, end=SECOND))) == [UNKEPT]


def test_the_oldest_goes_first_and_the_newest_never() -> None:
    recordings = Recordings(tape_with())
    half = bytes(int(KEPT_S * RATE))
    for name in ("old", "middle", "new"):
        recordings.keep_clip(name, half, DEFAULT_FORMAT)
    clips = [AudioClip(item_id=name, start=0, end=100) for name in ("old", "middle", "new")]
    assert filled(recordings, asked(*clips)) == [UNKEPT, bytes(200), bytes(200)]
    recordings.keep_clip("long", 5 * half, DEFAULT_FORMAT)
    clips = [AudioClip(item_id=name, start=0, end=100) for name in ("new", "long")]
    assert filled(recordings, asked(*clips)) == [UNKEPT, bytes(200)]


def test_what_is_gone_is_read_where_its_words_are_known() -> None:
    recordings = Recordings(tape_with())
    prompt = asked(AudioClip(item_id="item", start=0, end=SECOND))
    assert filled(recordings, prompt, item="book a table") == ["book a table"]


def test_what_a_response_has_of_its_own_takes_nothing_of_the_conversations() -> None:
    recordings = Recordings(tape_with())
    recordings.keep_clip("item", tone(1000), DEFAULT_FORMAT)
    for name in ("one", "two"):
        recordings.lend(name, bytes(int(2 * KEPT_S) * 2 * RATE), DEFAULT_FORMAT)
    clips = [AudioClip(item_id=name, start=0, end=100) for name in ("item", "one", "two")]
    assert filled(recordings, asked(*clips)) == [tone(1000)[:200], bytes(200), bytes(200)]
    recordings.drop("one")
    assert filled(recordings, asked(*clips))[1] == UNKEPT


def test_only_what_was_said_of_an_item_counts() -> None:
    tape = tape_with()
    recordings = Recordings(tape)
    clips = []
    for name in ("one", "two", "three"):
        start = tape.end
        tape.add(tone(1000))
        tape.add(silence(int(KEPT_S * 600)))
        clips.append(AudioClip(item_id=name, start=start, end=start + SECOND))
        recordings.keep(clips[-1])
        tape.keep(name, start, tape.end)
    assert filled(recordings, asked(*clips)) == 3 * [tone(1000)]
