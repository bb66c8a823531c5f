"""Speech that is converted item by item, and complete when the item's audio is done."""

import re

from support.sound import tone
from vivavoce.protocol.server_events import OutputAudioDelta, OutputAudioDone
from vivavoce.protocol.session_config import DEFAULT_FORMAT, PcmuFormat
from vivavoce.runtime.input_audio import output_encoder
from vivavoce.runtime.output_audio import OutputAudio

MU_LAW = PcmuFormat()


def delta(item_id: str, pcm: bytes) -> OutputAudioDelta:
    return OutputAudioDelta(
        response_id="resp", item_id=item_id, output_index=1, content_index=2, delta=pcm
    )


def done(item_id: str) -> OutputAudioDone:
    return OutputAudioDone(response_id="resp", item_id=item_id, output_index=1, content_index=2)


def encoded(pcm: bytes) -> bytes:
    encoder = output_encoder(MU_LAW)
    return encoder.push(pcm) + encoder.flush()


def test_the_speech_of_items_does_not_mix() -> None:
    speech = OutputAudio()
    wanted = {"a": tone(100, 300), "b": tone(100, 500)}
    got = dict.fromkeys(wanted, b"")
    for start in range(0, 4800, 480):
        for item_id, pcm in wanted.items():
            event = speech.encode(delta(item_id, pcm[start : start + 480]), MU_LAW)
            got[item_id] += event.delta
    for item_id in wanted:
        got[item_id] += speech.rest(done(item_id)).delta
    assert got == {item_id: encoded(pcm) for item_id, pcm in wanted.items()}


def test_the_rest_is_an_event_of_its_own_for_the_same_item() -> None:
    speech = OutputAudio()
    speech.encode(delta("a", tone(100)), MU_LAW)
    rest = speech.rest(done("a"))
    assert re.fullmatch("event_[0-9A-Za-z]{21}", rest.event_id)
    assert (rest.response_id, rest.item_id) == ("resp", "a")
    assert (rest.output_index, rest.content_index) == (1, 2)
    assert rest.delta
    assert not speech.rest(done("a")).delta


def test_the_inner_format_passes_through() -> None:
    speech = OutputAudio()
    pcm = tone(100)
    assert speech.encode(delta("a", pcm), DEFAULT_FORMAT).delta is pcm
    assert not speech.rest(done("a")).delta
