"""A client may make only so many items, and they may hold only so much."""

from typing import Any

import pytest

from support.stage import TRANSCRIBED, Stage
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.session.state import Limits

FULL = "error conversation_too_large"


def with_two_of_two_items(**config: Any) -> Stage:
    stage = Stage(limits=Limits(max_items=2), **config)
    stage.write("a", id="a")
    stage.write("b", id="b")
    stage.news()
    return stage


def test_one_item_more_is_refused_until_one_is_deleted() -> None:
    stage = with_two_of_two_items()
    stage.write("c", id="c")
    assert stage.news() == [FULL]
    assert "may have 2 items" in stage.error.message
    stage.delete("a")
    stage.news()
    stage.write("c", id="c")
    assert stage.news() == ["item.added c after b", "item.done c"]


def test_texts_and_pictures_count_and_what_is_deleted_does_not() -> None:
    stage = Stage(limits=Limits(max_conversation_size=1000))
    stage.write("x" * 900, id="large")
    stage.news()
    stage.write("x" * 100, id="small")
    assert stage.news() == [FULL]
    stage.delete("large")
    stage.news()
    stage.write("x" * 900, id="another")
    assert stage.news() == ["item.added another after -", "item.done another"]


def test_schemas_count() -> None:
    stage = Stage(limits=Limits(max_conversation_size=1000))
    stage.news()
    tool = {"name": "roll", "input_schema": {"description": "x" * 1000}}
    stage.create({"type": "mcp_list_tools", "server_label": "dice", "tools": [tool]})
    assert stage.news() == [FULL]


def test_speech_does_not_count_as_it_has_bounds_of_its_own() -> None:
    stage = Stage(limits=Limits(max_conversation_size=1000))
    speech = {"type": "input_audio", "audio": "AAAA" * 1000}
    stage.create({"type": "message", "id": "a", "role": "user", "content": [speech]})
    assert "item.done a" in stage.news()


def test_a_full_conversation_takes_no_response_and_no_commit() -> None:
    stage = with_two_of_two_items(audio={"input": {"turn_detection": None}})
    stage.respond()
    assert stage.news() == [FULL]
    stage.speech(320)
    stage.commit()
    assert stage.news() == [FULL]
    stage.delete("a")
    stage.news()
    stage.commit()
    assert "committed item1 after b" in stage.news()


def test_a_response_beside_a_full_conversation_is_made() -> None:
    stage = with_two_of_two_items()
    stage.respond(conversation="none")
    assert stage.news() == ["response.created resp1", "Generate generate1"]


@pytest.mark.parametrize("pause_ms", [512, 192])
def test_a_turn_that_finds_no_room_is_dropped_and_the_client_told(pause_ms: int) -> None:
    stage = with_two_of_two_items()
    stage.speech(480)
    stage.silence(pause_ms)
    stage.silence(512)
    assert stage.told() == [
        "speech_started item1 0",
        "speech_stopped item1 980",
        FULL,
    ]
    stage.delete("a")
    stage.speech(480)
    stage.silence(512)
    assert "committed item2 after b" in stage.news()


def test_a_turn_that_finds_no_room_is_followed_no_more() -> None:
    streams = HearingAbilities(streams=True)
    stage = with_two_of_two_items(abilities=streams, **TRANSCRIBED)
    stage.speech(480)
    stage.transcript_delta("told ", "follow1")
    stage.silence(320)
    stage.transcript_delta("held", "follow1")
    stage.news()
    stage.silence(512)
    assert stage.news() == [
        "speech_stopped item1 980",
        "Cancel follow1",
        "Cancel hear1",
        FULL,
    ]
    stage.transcript_delta(" late", "follow1")
    assert stage.news() == []


def test_no_server_is_asked_for_tools_that_find_no_room() -> None:
    stage = with_two_of_two_items()
    server = {"type": "mcp", "server_label": "dice", "server_url": "https://dice.example"}
    stage.update(tools=[server])
    assert stage.news() == [FULL]


def test_a_full_conversation_takes_settings_although_a_server_was_not_listed() -> None:
    stage = Stage(limits=Limits(max_items=1))
    server = {"type": "mcp", "server_label": "dice", "server_url": "https://dice.example"}
    stage.update(tools=[server])
    stage.failed("list1")
    stage.news()
    stage.update(instructions="Be brief.")
    assert stage.news() == ["session.updated"]
