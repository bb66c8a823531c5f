"""An item's audio for `conversation.item.retrieved` (protocol 4.1)."""

import asyncio
from collections.abc import Callable

import msgspec

from vivavoce.protocol.items import InputAudio, Item, MessageItem
from vivavoce.protocol.server_events import ConversationItemRetrieved
from vivavoce.protocol.session_config import AudioFormat
from vivavoce.runtime.input_audio import KeptAudio, Tape

MAX_RETRIEVED = 5 * 1024 * 1024
"""Bytes of an item's audio in one event, 109 s of the default format: longer audio is left out,
since a frame stays under 8 MiB (protocol 1.1)."""


Deliver = Callable[[ConversationItemRetrieved], None]


class Retrievals:
    """One session's items on their way back to a client, with their audio where it is kept.

    Audio in another format than the client's is converted beside the event loop, in a task.
    """

    def __init__(self, tape: Tape, tasks: asyncio.TaskGroup) -> None:
        self._tape = tape
        self._tasks = tasks
        self._converting: set[asyncio.Task[None]] = set()

    def start(self, event: ConversationItemRetrieved, deliver: Deliver) -> None:
        """Fill in the audio as it is kept now, and deliver the event.

        Audio that is too long for an event is left out.
        """
        kept, audio_format = self._tape.kept(event.item.id), self._tape.format
        if kept is None or kept.size_in(audio_format) > MAX_RETRIEVED:
            deliver(event)
        elif kept.format == audio_format:
            deliver(filled(event, kept.base64_in(audio_format)))
        else:
            task = self._tasks.create_task(convert(event, kept, audio_format, deliver))
            self._converting.add(task)
            task.add_done_callback(self._converting.discard)

    async def delivered(self) -> None:
        """Returns when nothing is being converted."""
        while self._converting:
            await asyncio.wait(self._converting)

    def cancel_all(self) -> None:
        """Deliver nothing more."""
        for task in self._converting:
            task.cancel()


async def convert(
    event: ConversationItemRetrieved, kept: KeptAudio, audio_format: AudioFormat, deliver: Deliver
) -> None:
    """Deliver the event once its audio is in this format."""
    deliver(filled(event, await asyncio.to_thread(kept.base64_in, audio_format)))


def filled(event: ConversationItemRetrieved, audio: str) -> ConversationItemRetrieved:
    """The event with the item's audio in base64."""
    event.item = with_audio(event.item, audio)
    return event


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
