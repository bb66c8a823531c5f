"""An item's audio as a client asks for it, made without holding up the other sessions."""

import asyncio
import base64
import threading

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from vivavoce.audio.framing import OutputEncoder
from vivavoce.protocol.items import InputAudio, InputText, MessageItem
from vivavoce.protocol.server_events import ConversationItemRetrieved
from vivavoce.protocol.session_config import DEFAULT_FORMAT, AudioFormat, PcmuFormat
from vivavoce.runtime import input_audio
from vivavoce.runtime.input_audio import Tape
from vivavoce.runtime.retrieval import MAX_EVENT, MAX_RETRIEVED, Retrievals, with_audio


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


async def retrieved(tape: Tape) -> list[str | UnsetType]:
    """The audio of the item, as it was delivered; one entry for each event."""
    item = MessageItem(id="item", role="user", content=(InputAudio(),))
    delivered: list[str | UnsetType] = []

    def deliver(event: ConversationItemRetrieved) -> None:
        assert isinstance(event.item, MessageItem)
        (part,) = event.item.content
        assert isinstance(part, InputAudio)
        delivered.append(part.audio)

    async with asyncio.TaskGroup() as tasks:
        retrievals = Retrievals(tape, tasks)
        retrievals.start(ConversationItemRetrieved(item=item), deliver)
        await retrievals.delivered()
        return delivered


async def test_audio_is_converted_beside_the_event_loop(converting: list[int]) -> None:
    (audio,) = await retrieved(tape_with_clip(bytes(8000), PcmuFormat()))
    assert isinstance(audio, str)
    assert abs(len(base64.b64decode(audio)) - 48_000) < 500
    assert len(converting) == 1
    assert threading.get_ident() not in converting


async def test_audio_that_would_be_too_long_is_not_converted(converting: list[int]) -> None:
    tape = tape_with_clip(bytes(MAX_RETRIEVED // 6 + 1), PcmuFormat())
    assert await retrieved(tape) == [UNSET]
    assert converting == []


@pytest.mark.parametrize("beyond", [0, 1])
async def test_audio_in_the_clients_format_may_fill_the_event(beyond: int) -> None:
    (audio,) = await retrieved(tape_with_clip(bytes(MAX_RETRIEVED + beyond), DEFAULT_FORMAT))
    assert (audio is UNSET) == bool(beyond)


@pytest.mark.parametrize("beyond", [0, 100])
async def test_audio_is_left_out_where_the_text_leaves_no_room(beyond: int) -> None:
    audio = bytes(MAX_RETRIEVED)
    room = MAX_EVENT - 4 * len(audio) // 3 - 500 + 10 * beyond
    content = (InputText(text="x" * room), InputAudio())
    event = ConversationItemRetrieved(item=MessageItem(id="item", role="user", content=content))
    delivered: list[ConversationItemRetrieved] = []
    async with asyncio.TaskGroup() as tasks:
        Retrievals(tape_with_clip(audio, DEFAULT_FORMAT), tasks).start(event, delivered.append)
    assert len(msgspec.json.encode(delivered[0])) < 8 * 1024 * 1024
    assert isinstance(delivered[0].item, MessageItem)
    part = delivered[0].item.content[1]
    assert isinstance(part, InputAudio)
    assert (part.audio is UNSET) == bool(beyond)


async def test_an_item_shows_the_audio_that_it_had_when_it_was_asked_for() -> None:
    tape = tape_with_clip(bytes(8000), PcmuFormat())
    item = MessageItem(id="item", role="user", content=(InputAudio(),))
    delivered: list[ConversationItemRetrieved] = []
    async with asyncio.TaskGroup() as tasks:
        Retrievals(tape, tasks).start(ConversationItemRetrieved(item=item), delivered.append)
        tape.drop("item")
    assert isinstance(delivered[0].item, MessageItem)
    (part,) = delivered[0].item.content
    assert isinstance(part, InputAudio)
    assert part.audio is not UNSET


async def test_nothing_is_delivered_after_the_end() -> None:
    item = MessageItem(id="item", role="user", content=(InputAudio(),))
    delivered: list[ConversationItemRetrieved] = []
    async with asyncio.TaskGroup() as tasks:
        retrievals = Retrievals(tape_with_clip(bytes(8000), PcmuFormat()), tasks)
        retrievals.start(ConversationItemRetrieved(item=item), delivered.append)
        retrievals.cancel_all()
    assert delivered == []


def test_the_first_part_for_audio_holds_all_of_it() -> None:
    content = (InputText(text="Listen:"), InputAudio(transcript="one two"), InputAudio())
    item = MessageItem(id="item", role="user", content=content)
    filled = with_audio(item, "AAAA")
    assert isinstance(filled, MessageItem)
    said = InputAudio(transcript="one two", audio="AAAA")
    assert filled.content == (InputText(text="Listen:"), said, InputAudio())


async def test_answers_come_in_the_order_of_the_questions() -> None:
    tape = tape_with_clip(bytes(8000), PcmuFormat())
    tape.keep_clip("plain", bytes(8000), DEFAULT_FORMAT)
    delivered: list[str] = []
    async with asyncio.TaskGroup() as tasks:
        retrievals = Retrievals(tape, tasks)
        for item_id in ("item", "plain", "silent", "item"):
            item = MessageItem(id=item_id, role="user", content=(InputAudio(),))
            event = ConversationItemRetrieved(item=item)
            retrievals.start(event, lambda event: delivered.append(event.item.id))
        await retrievals.delivered()
        assert delivered == ["item", "plain", "silent", "item"]
