"""An item's audio for `conversation.item.retrieved` (protocol 4.1)."""

import asyncio
from collections import deque
from collections.abc import Callable

import msgspec

from vivavoce.protocol.items import InputAudio, Item, MessageItem
from vivavoce.protocol.server_events import ConversationItemRetrieved
from vivavoce.protocol.session_config import AudioFormat
from vivavoce.runtime.input_audio import KeptAudio, Tape

MAX_RETRIEVED = 5 * 1024 * 1024
"""Bytes of an item's audio in one event, 109 s of the default format: longer audio is left out,
since a frame stays under 8 MiB (protocol 1.1)."""

MAX_EVENT = 8 * 1024 * 1024 - 16 * 1024
"""Bytes of an event with its audio, which is left out where the item's text leaves no room for it.
Beside them is room for what a dialect says otherwise, and for a resampler's filter."""


Deliver = Callable[[ConversationItemRetrieved], None]


class Retrievals:
    """One session's items on their way back to a client, with their audio where it is kept.

    Audio in another format than the client's is converted beside the event loop, in a task. What
    is retrieved behind it waits for it, so that answers come in the order of the questions.
    """

    def __init__(self, tape: Tape, tasks: asyncio.TaskGroup) -> None:
        self._tape = tape
        self._tasks = tasks
        self._waiting: deque[asyncio.Task[None]] = deque()

    def start(self, event: ConversationItemRetrieved, deliver: Deliver) -> None:
        """Fill in the audio as it is kept now, and deliver the event.

        Audio that is too long for an event, or for this one, is left out.
        """
        kept, audio_format = self._tape.kept(event.item.id), self._tape.format
        if kept is not None and not fits(event, kept.size_in(audio_format)):
            kept = None
        if not self._waiting and (kept is None or kept.format == audio_format):
            deliver(event if kept is None else filled(event, kept.base64_in(audio_format)))
            return
        before = self._waiting[-1] if self._waiting else None
        turn = self._in_turn(before, event, kept, audio_format, deliver)
        task = self._tasks.create_task(turn)
        self._waiting.append(task)
        task.add_done_callback(self._waiting.remove)

    async def delivered(self) -> None:
        """Returns when nothing waits any more."""
        while self._waiting:
            await asyncio.wait(self._waiting)

    def cancel_all(self) -> None:
        """Deliver nothing more."""
        for task in self._waiting:
            task.cancel()

    async def _in_turn(
        self,
        before: asyncio.Task[None] | None,
        event: ConversationItemRetrieved,
        kept: KeptAudio | None,
        audio_format: AudioFormat,
        deliver: Deliver,
    ) -> None:
        """Deliver the event once it has its audio, behind the one `before` it."""
        if before is not None:
            await asyncio.wait([before])
        if kept is not None:
            event = filled(event, await asyncio.to_thread(kept.base64_in, audio_format))
        deliver(event)


def fits(event: ConversationItemRetrieved, audio_bytes: int) -> bool:
    """Whether the event has room for so many bytes, which are a third longer in base64."""
    if audio_bytes > MAX_RETRIEVED:
        return False
    return len(msgspec.json.encode(event)) + 4 * (audio_bytes + 2) // 3 <= MAX_EVENT


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
