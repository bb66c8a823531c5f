"""An item's audio for `conversation.item.retrieved` (protocol 4.1)."""

import asyncio

import msgspec

from vivavoce.protocol.items import InputAudio, Item, MessageItem
from vivavoce.runtime.input_audio import Tape

MAX_RETRIEVED = 5 * 1024 * 1024
"""Bytes of an item's audio in one event, 109 s of the default format: longer audio is left out,
since a frame stays under 8 MiB (protocol 1.1)."""


async def retrieved_audio(tape: Tape, item_id: str) -> str | None:
    """An item's audio in base64, converted to the client's format beside the event loop.

    None if the audio is not kept, or too long for an event.
    """
    kept = tape.kept(item_id)
    if kept is None or kept.size_in(tape.format) > MAX_RETRIEVED:
        return None
    return await asyncio.to_thread(kept.base64_in, tape.format)


def with_audio(item: Item, audio: str) -> Item:
    """The item with its audio. It is one clip, so the first part for audio holds all of it."""
    if not isinstance(item, MessageItem):
        return item
    first = next((part for part in item.content if isinstance(part, InputAudio)), None)
    content = tuple(
        msgspec.structs.replace(part, audio=audio) if part is first else part
        for part in item.content
    )
    return msgspec.structs.replace(item, content=content)
