import logging

import pytest

from vivavoce.engines.base import EngineError
from vivavoce.protocol.session_config import DEFAULT_FORMAT
from vivavoce.runtime.input_audio import Tape
from vivavoce.runtime.noise_reduction import NoiseReduction

LOUD = b"\x10\x10" * 100


class Halving:
    """Halves the first byte of every sample; fails from the call `failing` on."""

    def __init__(self, failing: int | None = None, *, short: bool = False) -> None:
        self.failing = failing
        self.short = short
        self.calls = 0

    def reduce(self, pcm: bytes) -> bytes:
        self.calls += 1
        if self.calls == self.failing:
            raise RuntimeError("broken")
        return pcm.replace(b"\x10\x10", b"\x08\x10")[: -2 if self.short else None]


HALVED = b"\x08\x10" * 100


def appended(tape: Tape) -> None:
    tape.add(*tape.decode(LOUD))


def tape_with(stream: Halving) -> Tape:
    tape = Tape(DEFAULT_FORMAT, retain_s=None)
    tape.reduce_noise(NoiseReduction(lambda: stream))
    return tape


def test_what_is_heard_has_less_noise_and_what_is_kept_is_what_was_sent() -> None:
    tape = tape_with(Halving())
    pushed: list[bytes] = []
    tape.on_audio = pushed.append
    appended(tape)
    assert tape.read(0) == HALVED
    assert pushed == [HALVED]
    tape.keep("item", 0, 60)
    kept = tape.kept("item")
    assert kept is not None
    assert kept.audio == LOUD[:120]
    assert tape.read(60) == HALVED[120:], "positions are the same behind an item"


def test_it_begins_in_mid_stream_and_ends_there() -> None:
    tape = Tape(DEFAULT_FORMAT, retain_s=None)
    appended(tape)
    tape.reduce_noise(NoiseReduction(Halving))
    appended(tape)
    tape.reduce_noise(None)
    appended(tape)
    assert tape.read(0) == LOUD + HALVED + LOUD
    tape.trim(150)
    assert tape.read(0) == HALVED[100:] + LOUD


def test_without_it_nothing_is_kept_twice() -> None:
    tape = Tape(DEFAULT_FORMAT, retain_s=None)
    sound = tape.decode(LOUD)
    assert sound.pcm is sound.heard


def test_one_that_fails_lets_the_session_be_heard_as_it_is_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tape = tape_with(Halving(failing=2))
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            appended(tape)
    assert tape.read(0) == HALVED + LOUD + LOUD
    assert [record.message for record in caplog.records] == [
        "noise reduction failed; this session is heard as it is sent"
    ]


def test_one_that_loses_samples_has_failed(caplog: pytest.LogCaptureFixture) -> None:
    tape = tape_with(Halving(short=True))
    appended(tape)
    assert tape.read(0) == LOUD
    assert len(caplog.records) == 1


def test_one_that_cannot_be_opened_has_failed(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> Halving:
        raise EngineError("it is not loaded")

    assert NoiseReduction(fails).heard(LOUD) == LOUD
    assert len(caplog.records) == 1
