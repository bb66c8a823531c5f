import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.audio_signals import gain_db, noise, pieces, tone
from vivavoce.audio import g711
from vivavoce.audio.framing import MAX_RATE, InputDecoder, OutputEncoder
from vivavoce.audio.resample import convert

FORMATS = pytest.mark.parametrize(
    ("kind", "rate"),
    [
        ("audio/pcm", 24_000),
        ("audio/pcm", 48_000),
        ("audio/pcm", 44_100),
        ("audio/pcm", 24_001),
        ("audio/pcmu", 8000),
        ("audio/pcma", 8000),
    ],
)


@settings(deadline=None, max_examples=50)
@given(data=st.binary(max_size=3000), cuts=st.lists(st.integers(0, 3000), max_size=30))
@FORMATS
def test_any_split_of_the_input_gives_the_same_samples(
    kind: str, rate: int, data: bytes, cuts: list[int]
) -> None:
    decoder = InputDecoder(kind, rate)
    assert b"".join(map(decoder.push, pieces(data, cuts))) == InputDecoder(kind, rate).push(data)


@settings(deadline=None, max_examples=50)
@given(samples=st.integers(0, 3000), cuts=st.lists(st.integers(0, 3000), max_size=30))
@FORMATS
def test_any_split_of_the_output_gives_the_same_bytes(
    kind: str, rate: int, samples: int, cuts: list[int]
) -> None:
    pcm = noise(samples)
    split, whole = OutputEncoder(kind, rate), OutputEncoder(kind, rate)
    sent = b"".join(map(split.push, pieces(pcm, cuts, unit=2))) + split.flush()
    assert sent == whole.push(pcm) + whole.flush()


@FORMATS
def test_a_tone_survives_the_way_out_and_back(kind: str, rate: int) -> None:
    encoder, decoder = OutputEncoder(kind, rate), InputDecoder(kind, rate)
    returned = decoder.push(encoder.push(tone(1000, 24_000, seconds=2)) + encoder.flush())
    assert gain_db(returned) == pytest.approx(0, abs=0.15)


def test_pcm_at_24_khz_passes_without_a_copy() -> None:
    pcm = noise(100)
    assert InputDecoder("audio/pcm", 24_000).push(pcm) is pcm
    encoder = OutputEncoder("audio/pcm", 24_000)
    assert encoder.push(pcm) is pcm
    assert encoder.flush() == b""


@pytest.mark.parametrize("kind", ["audio/pcmu", "audio/pcma"])
def test_a_telephone_append_is_complete_at_once(kind: str) -> None:
    assert len(InputDecoder(kind, 8000).push(bytes(800))) == 100 * 24 * 2


def test_telephone_bytes_are_in_the_law_of_the_format() -> None:
    speech = convert(tone(500, 24_000), 24_000, 8000)
    for kind, encode in (("audio/pcmu", g711.encode_mulaw), ("audio/pcma", g711.encode_alaw)):
        assert gain_db(InputDecoder(kind, 8000).push(encode(speech))) == pytest.approx(0, abs=0.2)


def test_a_second_item_begins_without_the_first() -> None:
    encoder = OutputEncoder("audio/pcmu", 8000)
    first = encoder.push(noise(999)) + encoder.flush()
    assert encoder.push(noise(999)) + encoder.flush() == first


def test_silence_stays_silence() -> None:
    assert not np.frombuffer(InputDecoder("audio/pcmu", 8000).push(b"\xff" * 800), "<i2").any()
    assert set(OutputEncoder("audio/pcmu", 8000).push(bytes(4800))) == {0xFF}


@pytest.mark.parametrize("coder", [InputDecoder, OutputEncoder])
@pytest.mark.parametrize(
    ("kind", "rate", "reason"),
    [
        ("audio/pcm", 16_000, "24000 to 192000 Hz, not 16000"),
        ("audio/pcm", MAX_RATE + 1, "not 192001"),
        ("audio/pcmu", 24_000, "audio/pcmu has a rate of 8000 Hz, not 24000"),
        ("pcm16", 24_000, "'pcm16' is none of"),
    ],
)
def test_a_format_that_does_not_exist_is_refused(
    coder: type[InputDecoder] | type[OutputEncoder], kind: str, rate: int, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        coder(kind, rate)
