"""An item's audio as a client asks for it, made without holding up the other sessions."""

import base64
import threading

import pytest

from vivavoce.audio.framing import OutputEncoder
from vivavoce.protocol.items import InputAudio, InputText, MessageItem
from vivavoce.protocol.session_config import DEFAULT_FORMAT, AudioFormat, PcmuFormat
from vivavoce.runtime import input_audio
from vivavoce.runtime.input_audio import Tape
from vivavoce.runtime.retrieval import MAX_RETRIEVED, retrieved_audio, with_audio


@pytest.fixture
def converting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads in which audio is converted."""
    threads: list[int] = []
    encoder_of = input_audio.output_encoder

    def observed(audio_format: AudioFormat) -> OutputEncoder:
        threads.append(threading.get_ident())
        return encoder_of(audio_format)

    monkeypatch.setattr(input_audio, "output_encoder", observed)
    return threads


def tape_with_clip(audio: bytes, clip_format: AudioFormat) -> Tape:
    """A tape for 24 kHz PCM on which a client's own clip is kept."""
    tape = Tape(DEFAULT_FORMAT, retain_s=None)
    tape.keep_clip("item", audio, clip_format)
    return tape


async def test_audio_is_converted_beside_the_event_loop(converting: list[int]) -> None:
    audio = await retrieved_audio(tape_with_clip(bytes(8000), PcmuFormat()), "item")
    assert audio is not None
    assert abs(len(base64.b64decode(audio)) - 48_000) < 500
    assert len(converting) == 1
    assert threading.get_ident() not in converting


async def test_audio_that_would_be_too_long_is_not_converted(converting: list[int]) -> None:
    tape = tape_with_clip(bytes(MAX_RETRIEVED // 6 + 1), PcmuFormat())
    assert await retrieved_audio(tape, "item") is None
    assert converting == []


@pytest.mark.parametrize("beyond", [0, 1])
async def test_audio_in_the_clients_format_may_fill_the_event(beyond: int) -> None:
    audio = await retrieved_audio(
        tape_with_clip(bytes(MAX_RETRIEVED + beyond), DEFAULT_FORMAT), "item"
    )
    assert (audio is None) == bool(beyond)


def test_the_first_part_for_audio_holds_all_of_it() -> None:
    content = (InputText(text="Listen:"), InputAudio(transcript="one two"), InputAudio())
    item = MessageItem(id="item", role="user", content=content)
    filled = with_audio(item, "AAAA")
    assert isinstance(filled, MessageItem)
    said = InputAudio(transcript="one two", audio="AAAA")
    assert filled.content == (InputText(text="Listen:"), said, InputAudio())
