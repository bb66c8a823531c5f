"""Items: rows 75 to 89."""

import base64
from typing import Any

import pytest

from support.dialect_client import Connect, DialectClient
from support.items import by_assistant, call_output, message
from support.orders import ITEM, told
from support.server import Event
from support.sound import tone

CREATE = "conversation.item.create"
NOBODY = "item_that_never_was"
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA"
    "WjR9awAAAABJRU5ErkJggg=="
)


async def heard_last(client: DialectClient) -> str:
    """The end of the conversation, as the model reads it."""
    *_, done = await client.respond(output_modalities=["text"], conversation="none")
    text: str = done["response"]["output"][0]["content"][0]["text"]
    return text.removeprefix("I heard: ").removesuffix(".")


async def spoken_item(client: DialectClient, audio: bytes) -> str:
    """Commit this audio of the user's; gives the item's id."""
    await client.update(audio={"input": {"turn_detection": None}})
    await client.append(audio)
    await client.send("input_audio_buffer.commit")
    return str((await client.until(ITEM.of(client.dialect)[-1]))["item"]["id"])


async def retrieved(client: DialectClient, item_id: str) -> Event:
    """The item with this id."""
    await client.send("conversation.item.retrieve", item_id=item_id)
    item: Event = (await client.until("conversation.item.retrieved"))["item"]
    return item


# --- ids ----------------------------------------------------------------------------------------


async def test_row_075_an_item_keeps_its_id_or_gets_one(connect: Connect) -> None:
    async with connect() as client:
        mine = await client.create(message("hello", id="my_own"))
        assert mine["item"]["id"] == "my_own"
        ids = [(await client.create(message("hello")))["item"]["id"] for _ in range(2)]
        assert all(item_id.startswith("item_") for item_id in ids)
        assert len(set(ids)) == 2


async def test_row_076_an_id_has_at_most_32_characters(connect: Connect) -> None:
    async with connect() as client:
        assert (await client.create(message("hello", id="x" * 32)))["item"]["id"] == "x" * 32
        error = await client.refused(CREATE, item=message("hello", id="x" * 33))
        assert (error["code"], error["param"]) == ("string_above_max_length", "item.id")
        await client.nothing_new()


# --- places -------------------------------------------------------------------------------------


async def test_row_077_an_item_is_added_and_then_done(connect: Connect) -> None:
    async with connect() as client:
        first = (await client.create(message("one")))["item"]["id"]
        begin = len(client.events)
        await client.create(message("two"))
        shown = client.events[begin:]
        assert told(shown) == ITEM.of(client.dialect)
        assert {event["previous_item_id"] for event in shown} == {first}
        assert all(event["item"] == shown[0]["item"] for event in shown)
        assert shown[0]["item"]["status"] == "completed"


@pytest.mark.parametrize("place", [{}, {"previous_item_id": None}, {"previous_item_id": ""}])
async def test_row_078_without_a_place_an_item_goes_last(
    connect: Connect, place: dict[str, Any]
) -> None:
    async with connect() as client:
        assert (await client.create(message("one", id="one"), **place))["previous_item_id"] is None
        assert (await client.create(message("two", id="two"), **place))["previous_item_id"] == "one"
        assert await heard_last(client) == "two"


async def test_row_079_root_puts_an_item_first(connect: Connect) -> None:
    async with connect() as client:
        await client.create(message("two", id="two"))
        added = await client.create(message("one", id="one"), previous_item_id="root")
        assert added["previous_item_id"] is None
        assert (await client.create(message("three")))["previous_item_id"] == "two"


async def test_row_080_an_id_puts_an_item_behind_that_one(connect: Connect) -> None:
    async with connect() as client:
        for text in ("one", "three"):
            await client.create(message(text, id=text))
        added = await client.create(message("two", id="two"), previous_item_id="one")
        assert added["previous_item_id"] == "one"
        assert await heard_last(client) == "three"
        await client.send("conversation.item.delete", item_id="three")
        assert (await client.create(message("four")))["previous_item_id"] == "two"


async def test_row_081_an_unknown_place_is_refused(connect: Connect) -> None:
    async with connect() as client:
        await client.create(message("one", id="one"))
        error = await client.refused(
            CREATE, item=message("lost", id="lost"), previous_item_id=NOBODY
        )
        assert error["code"] == "item_create_invalid_previous_item_id"
        error = await client.refused("conversation.item.retrieve", item_id="lost")
        assert error["code"] == "item_retrieve_invalid_item_id"
        assert (await client.create(message("two")))["previous_item_id"] == "one"


# --- contents -----------------------------------------------------------------------------------


async def test_row_082_an_assistants_text_can_be_seeded(connect: Connect) -> None:
    async with connect() as client:
        added = await client.create(by_assistant({"type": "output_text", "text": "Welcome."}))
        kind = client.dialect.content("output_text")
        assert added["item"]["content"] == [{"type": kind, "text": "Welcome."}]


async def test_row_082_an_assistants_speech_cannot(connect: Connect) -> None:
    async with connect() as client:
        item = by_assistant({"type": "output_audio", "transcript": "Welcome."})
        error = await client.refused(CREATE, item=client.dialect.item(item))
        assert error["code"] == "missing_required_parameter"
        assert error["param"] == "item.content[0].text"
        await client.nothing_new()


async def test_row_083_a_picture_is_taken(connect: Connect) -> None:
    picture = {"type": "input_image", "image_url": PIXEL, "detail": "auto"}
    async with connect() as client:
        item = {"type": "message", "role": "user", "content": [picture]}
        assert (await client.create(item))["item"]["content"] == [picture]


async def test_row_084_an_output_needs_its_call(connect: Connect) -> None:
    async with connect() as client:
        error = await client.refused(CREATE, item=call_output("call_nobody", "42"))
        assert error["code"] == "invalid_tool_call_id"
        assert error["message"] == "Tool call ID 'call_nobody' not found in conversation."
        await client.nothing_new()


# --- what is there already ----------------------------------------------------------------------


async def test_row_085_an_item_can_be_retrieved(connect: Connect) -> None:
    async with connect() as client:
        added = await client.create(message("hello"))
        assert await retrieved(client, added["item"]["id"]) == added["item"]


async def test_row_085_speech_can_be_retrieved(connect: Connect) -> None:
    async with connect() as client:
        item_id = await spoken_item(client, tone(300))
        (part,) = (await retrieved(client, item_id))["content"]
        assert part["type"] == "input_audio"
        assert base64.b64decode(part["audio"]) == tone(300)


@pytest.mark.parametrize(
    ("doing", "place"),
    [("retrieve", {}), ("delete", {}), ("truncate", {"content_index": 0, "audio_end_ms": 0})],
)
async def test_row_086_an_unknown_id_has_a_code_for_each_event(
    connect: Connect, doing: str, place: dict[str, int]
) -> None:
    async with connect() as client:
        error = await client.refused(f"conversation.item.{doing}", item_id=NOBODY, **place)
        assert error["code"] == f"item_{doing}_invalid_item_id"
        assert error["message"].endswith(f"the item with id '{NOBODY}' does not exist.")


async def test_row_087_deleting_repairs_the_chain(connect: Connect) -> None:
    async with connect() as client:
        for text in ("one", "two"):
            await client.create(message(text, id=text))
        await client.send("conversation.item.delete", item_id="two")
        deleted = await client.next()
        assert (deleted["type"], deleted["item_id"]) == ("conversation.item.deleted", "two")
        assert (await client.create(message("three")))["previous_item_id"] == "one"


async def test_row_088_a_truncated_answer_has_no_transcript(connect: Connect) -> None:
    async with connect() as client:
        *_, done = await client.respond()
        item_id = done["response"]["output"][0]["id"]
        place = {"item_id": item_id, "content_index": 0, "audio_end_ms": 200}
        await client.send("conversation.item.truncate", **place)
        truncated = await client.next()
        assert truncated["type"] == "conversation.item.truncated"
        assert place.items() <= truncated.items()
        item = await retrieved(client, item_id)
        assert item["content"] == [{"type": client.dialect.content("output_audio")}]


async def test_row_089_a_cut_beyond_the_end_is_refused(connect: Connect) -> None:
    async with connect() as client:
        *_, done = await client.respond()
        item_id = done["response"]["output"][0]["id"]
        place = {"item_id": item_id, "content_index": 0, "audio_end_ms": 9999}
        error = await client.refused("conversation.item.truncate", **place)
        assert (error["code"], error["param"]) == ("invalid_value", "audio_end_ms")
        said_ms = 60 * len("Hello.")
        assert error["message"] == f"Audio content of {said_ms}ms is already shorter than 9999ms"
        item = await retrieved(client, item_id)
        assert item["content"] == done["response"]["output"][0]["content"]


async def test_row_089_a_users_speech_cannot_be_truncated(connect: Connect) -> None:
    async with connect() as client:
        place = {"content_index": 0, "audio_end_ms": 100}
        item_id = await spoken_item(client, tone(300))
        error = await client.refused("conversation.item.truncate", item_id=item_id, **place)
        assert error["code"] == "unsupported_content_type"
