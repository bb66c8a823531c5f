import warnings
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from vivavoce.audio import g711

EVERY_BYTE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32768, 32768).astype("<i2").tobytes()

Coding = Callable[[bytes], bytes]
LAWS = pytest.mark.parametrize(
    ("encode", "decode"),
    [(g711.encode_mulaw, g711.decode_mulaw), (g711.encode_alaw, g711.decode_alaw)],
    ids=["mulaw", "alaw"],
)


@pytest.fixture
def audioop() -> ModuleType:
    """The standard library's coder, up to Python 3.12."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        module: ModuleType = pytest.importorskip("audioop", reason="audioop left in Python 3.13")
    return module


def test_every_value_is_that_of_audioop(audioop: ModuleType) -> None:
    assert g711.decode_mulaw(EVERY_BYTE) == audioop.ulaw2lin(EVERY_BYTE, 2)
    assert g711.decode_alaw(EVERY_BYTE) == audioop.alaw2lin(EVERY_BYTE, 2)
    assert g711.encode_mulaw(EVERY_SAMPLE) == audioop.lin2ulaw(EVERY_SAMPLE, 2)
    assert g711.encode_alaw(EVERY_SAMPLE) == audioop.lin2alaw(EVERY_SAMPLE, 2)


def test_values_known_from_the_recommendation() -> None:
    # ITU-T G.711, tables 1 and 2: the loudest, the quietest and silence of either law.
    assert g711.encode_mulaw(bytes(2)) == b"\xff"
    assert g711.encode_alaw(bytes(2)) == b"\xd5"
    decoded = np.frombuffer(g711.decode_mulaw(b"\x80\x00\xff\x7f"), "<i2")
    assert decoded.tolist() == [32124, -32124, 0, 0]
    decoded = np.frombuffer(g711.decode_alaw(b"\xaa\x2a\xd5\x55"), "<i2")
    assert decoded.tolist() == [32256, -32256, 8, -8]


@LAWS
def test_what_was_decoded_encodes_to_the_same_level(encode: Coding, decode: Coding) -> None:
    once = decode(EVERY_BYTE)
    assert decode(encode(once)) == once


@LAWS
def test_every_byte_but_the_negative_zero_survives(encode: Coding, decode: Coding) -> None:
    changed = {
        code
        for code, again in zip(EVERY_BYTE, encode(decode(EVERY_BYTE)), strict=True)
        if code != again
    }
    assert changed <= {0x7F}


@LAWS
def test_the_error_is_small_beside_the_sample(encode: Coding, decode: Coding) -> None:
    samples = np.frombuffer(EVERY_SAMPLE, "<i2").astype(int)
    error = np.abs(np.frombuffer(decode(encode(EVERY_SAMPLE)), "<i2") - samples)
    # Sixteen steps per octave of the magnitude, of which half a step may be lost (mu-law adds
    # a bias of 132), and the bits that the laws do not have. At the bottom the step is fixed.
    assert np.all(error <= np.maximum((np.abs(samples) + 132) / 32 + 4, 16))


@LAWS
def test_louder_samples_never_decode_to_quieter_ones(encode: Coding, decode: Coding) -> None:
    assert np.all(np.diff(np.frombuffer(decode(encode(EVERY_SAMPLE)), "<i2").astype(int)) >= 0)


@LAWS
def test_half_a_sample_cannot_be_encoded(encode: Coding, decode: Coding) -> None:
    with pytest.raises(ValueError, match="multiple"):
        encode(b"\x00")
