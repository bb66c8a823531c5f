"""Items that clients create: what may be created, and the speech that comes with one."""

import re
from collections.abc import Sequence

import msgspec
import pybase64
from msgspec import UNSET

from vivavoce.audio.units import INNER_RATE
from vivavoce.protocol.errors import (
    Refusal,
    duplicate_call,
    invalid_value,
    missing_parameter,
    refuse,
    unknown_call,
)
from vivavoce.protocol.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudio,
    InputImage,
    InputItem,
    Item,
    MessageItem,
    OutputAudio,
)
from vivavoce.protocol.prompt import AudioClip
from vivavoce.protocol.session_config import bytes_per_second
from vivavoce.protocol.sizes import check_size
from vivavoce.session.conversation import (
    ROOT,
    Conversation,
    Entry,
    Inaudible,
    Link,
    Pending,
    link_of,
)
from vivavoce.session.state import State

ALLOWED_PARTS: dict[str, tuple[str, ...]] = {
    "system": ("input_text",),
    "user": ("input_text", "input_audio", "input_image"),
    "assistant": ("output_text",),
}
"""What the content of a message may hold, by its role (protocol 3.2)."""


PICTURE = re.compile(r"data:image/(?:png|jpeg);base64,", re.IGNORECASE)
"""How the data URI of a picture begins (protocol 3.2)."""


def check_item(item: Item, path: str) -> bytes | None:
    """Raises `Refusal` if a client may not create this item.

    `path` is where it stands. Gives the speech in it that came without its transcript, its parts
    joined; None if there is none.
    """
    if item.id == ROOT:
        raise refuse("invalid_value", "'root' names the front, not an item.", f"{path}.id")
    check_size(without_audio(item), path)
    if not isinstance(item, MessageItem):
        return None
    clips = [
        check_part(item.role, part, f"{path}.content[{index}]")
        for index, part in enumerate(item.content)
    ]
    unheard = [clip for clip in clips if clip is not None]
    return b"".join(unheard) if unheard else None


def check_call(item: Item, conversation: Conversation) -> None:
    """Raises `Refusal` for a call, or an output of one, that has no place in the conversation."""
    if not isinstance(item, FunctionCallItem | FunctionCallOutputItem):
        return
    is_made = conversation.has(FunctionCallItem, item.call_id)
    if isinstance(item, FunctionCallOutputItem) and not is_made:
        raise unknown_call(item.call_id)
    if conversation.has(type(item), item.call_id):
        raise duplicate_call(item.call_id, "item")


def check_calls(items: Sequence[InputItem], path: str, conversation: Conversation) -> None:
    """The same for the items at `path` that stand beside the conversation: an output may also be
    that of a call in there."""
    links: set[Link | None] = set()
    made = {item.call_id for item in items if isinstance(item, FunctionCallItem)}
    for index, item in enumerate(items):
        if not isinstance(item, FunctionCallItem | FunctionCallOutputItem) or not item.call_id:
            continue
        if item.call_id not in made and not conversation.has(FunctionCallItem, item.call_id):
            raise unknown_call(item.call_id)
        if link_of(item) in links:
            raise duplicate_call(item.call_id, f"{path}[{index}]")
        links.add(link_of(item))


def check_part(role: str, part: object, path: str) -> bytes | None:
    """One part of a message's content; gives its speech, if that has yet to be heard."""
    kind = str(part.__struct_config__.tag)  # type: ignore[attr-defined]
    if role == "assistant" and isinstance(part, OutputAudio):
        # An assistant's speech cannot be seeded; the live service misses the text (protocol 3.2).
        raise missing_parameter(f"{path}.text")
    if kind not in ALLOWED_PARTS[role]:
        raise invalid_value(f"{path}.type", kind, ALLOWED_PARTS[role])
    if isinstance(part, InputAudio) and part.audio is not UNSET:
        clip = decode_audio(part.audio, f"{path}.audio")
        return clip if part.transcript is None else None
    if isinstance(part, InputImage):
        check_picture(part.image_url, f"{path}.image_url")
    return None


def check_picture(url: str, path: str) -> None:
    """Raises `Refusal` for what is no data URI of a picture: other servers are never asked."""
    start = PICTURE.match(url)
    try:
        data = pybase64.b64decode(url[start.end() :], validate=True) if start else b""
    except ValueError:
        data = b""
    if not data:
        text = f"Invalid '{path}': expected a data URI of a PNG or JPEG image, in base64."
        raise refuse("invalid_value", text, path)


def decode_audio(audio: str, path: str) -> bytes:
    """The bytes of base64 audio. Raises `Refusal`."""
    try:
        return pybase64.b64decode(audio, validate=True)
    except ValueError as error:
        raise invalid_audio(path) from error


def invalid_audio(path: str) -> Refusal:
    """Audio that is not base64."""
    return refuse("invalid_value", f"Invalid '{path}': expected base64-encoded audio.", path)


def entry_of(state: State, item: Item, speech: bytes | None) -> Entry:
    """The entry of a created item, in which `check_item` found this speech."""
    item = with_ids(state, item)
    if speech is None:
        return Entry(item)
    if not speech:
        return Entry(without_audio(item), heard=Inaudible())
    heard = Pending() if state.wants_words else None
    return Entry(without_audio(item), heard=heard, clip=clip_of(state, item.id, speech))


def clip_of(state: State, item_id: str, speech: bytes) -> AudioClip | None:
    """The speech that came with an item, for a model that hears."""
    if not state.hears:
        return None
    samples = len(speech) * INNER_RATE // bytes_per_second(state.config.audio.input.format)
    return AudioClip(item_id=item_id, start=0, end=samples)


def with_ids(state: State, item: Item) -> Item:
    """The item with the ids that its client left to the server."""
    if not item.id:
        item = msgspec.structs.replace(item, id=state.ids.new("item"))
    if isinstance(item, FunctionCallItem) and not item.call_id:
        item = msgspec.structs.replace(item, call_id=state.ids.new("call"))
    if item.object is not UNSET:
        item = msgspec.structs.replace(item, object=UNSET)
    return item


def without_audio(item: Item) -> Item:
    """The item as events show it: speech is only in `conversation.item.retrieved`."""
    if not isinstance(item, MessageItem):
        return item
    content = tuple(
        msgspec.structs.replace(part, audio=UNSET) if isinstance(part, InputAudio) else part
        for part in item.content
    )
    return msgspec.structs.replace(item, content=content)
