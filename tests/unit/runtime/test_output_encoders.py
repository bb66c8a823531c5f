"""Speech that is converted item by item, and complete when the item's audio is done."""

from support.sound import tone
from vivavoce.protocol.server_events import OutputAudioDelta
from vivavoce.protocol.session_config import DEFAULT_FORMAT, PcmuFormat
from vivavoce.runtime.input_audio import output_encoder
from vivavoce.runtime.output_audio import OutputAudio

MU_LAW = PcmuFormat()


def delta(item_id: str, pcm: bytes) -> OutputAudioDelta:
    return OutputAudioDelta(
        response_id="resp", item_id=item_id, output_index=1, content_index=2, delta=pcm
    )


def last(item_id: str) -> OutputAudioDelta:
    return delta(item_id, b"")


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
        got[item_id] += speech.end(last(item_id)).delta
    assert got == {item_id: encoded(pcm) for item_id, pcm in wanted.items()}


def test_what_an_encoder_holds_comes_once() -> None:
    speech = OutputAudio()
    speech.encode(delta("a", tone(100)), MU_LAW)
    assert speech.end(last("a")).delta
    assert not speech.end(last("a")).delta


def test_the_end_of_speech_that_was_cut_is_dropped() -> None:
    speech = OutputAudio()
    speech.encode(delta("a", tone(100)), MU_LAW)
    speech.drop("a")
    assert not speech.end(last("a")).delta


def test_the_inner_format_passes_through() -> None:
    speech = OutputAudio()
    pcm = tone(100)
    assert speech.encode(delta("a", pcm), DEFAULT_FORMAT).delta is pcm
    assert not speech.end(last("a")).delta
