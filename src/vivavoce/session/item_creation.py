"""Items that clients create: what may be created, and the speech that comes with one."""

from collections.abc import Set

import msgspec
import pybase64
from msgspec import UNSET

from vivavoce.protocol.errors import Refusal, invalid_value, missing_parameter, refuse
from vivavoce.protocol.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudio,
    InputImage,
    Item,
    MessageItem,
    OutputAudio,
)
from vivavoce.protocol.sizes import check_size
from vivavoce.session.conversation import ROOT, Entry, Inaudible, Pending
from vivavoce.session.state import State

ALLOWED_PARTS: dict[str, tuple[str, ...]] = {
    "system": ("input_text",),
    "user": ("input_text", "input_audio", "input_image"),
    "assistant": ("output_text",),
}
"""What the content of a message may hold, by its role (protocol 3.2)."""


def check_item(item: Item, path: str, call_ids: Set[str]) -> bytes | None:
    """Raises `Refusal` if a client may not create this item.

    `path` is where it stands; `call_ids` are the calls that it may be the output of. Gives the
    speech in it that came without its transcript, its parts joined; None if there is none.
    """
    if item.id == ROOT:
        raise refuse("invalid_value", "'root' names the front, not an item.", f"{path}.id")
    check_size(without_audio(item), path)
    match item:
        case MessageItem(role=role, content=content):
            clips = [
                check_part(role, part, f"{path}.content[{index}]")
                for index, part in enumerate(content)
            ]
            unheard = [clip for clip in clips if clip is not None]
            return b"".join(unheard) if unheard else None
        case FunctionCallOutputItem(call_id=call_id):
            if call_id not in call_ids:
                text = f"Tool call ID '{call_id}' not found in conversation."
                raise refuse("invalid_tool_call_id", text)
    return None


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
    if isinstance(part, InputImage) and not part.image_url.startswith("data:image/"):
        text = f"Invalid '{path}.image_url': expected a data URI of a PNG or JPEG image."
        raise refuse("invalid_value", text, f"{path}.image_url")
    return None


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
    return Entry(without_audio(item), heard=Pending() if speech else Inaudible())


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
