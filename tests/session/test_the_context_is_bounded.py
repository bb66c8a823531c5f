"""Protocol 2.1 and 7: what becomes of items that the model's context cannot hold."""

from typing import Any

import pytest

from support.mcp_tools import server
from support.stage import Stage
from vivavoce.protocol.server_events import ResponseDone, ResponseError
from vivavoce.session.state import Limits

HUNDRED_TOKENS = "x" * 384
"""With the four tokens around a message."""

TOOL = {"type": "function", "name": "dial", "description": "n" * 330}
"""A hundred tokens of JSON."""


def filled(messages: int, *, context: int = 1000, **config: Any) -> Stage:
    """So many messages of 100 tokens, the first one called m0, in a context of 1,000 tokens."""
    stage = Stage(limits=Limits(context_tokens=context), output_modalities=["text"], **config)
    for number in range(messages):
        stage.write(f"m{number:02}" + HUNDRED_TOKENS[3:], id=f"m{number}")
    stage.news()
    return stage


def read(stage: Stage) -> list[str]:
    """The messages that the model was sent last, by their first letters."""
    return [text[:3] for _, text in stage.dialogue()]


def respond(stage: Stage, **tokens: int) -> None:
    stage.respond()
    stage.wrote("ok.")
    stage.finished("stop", None, **tokens)


def test_what_fits_is_sent_whole() -> None:
    stage = filled(10)
    stage.respond()
    assert read(stage) == [f"m{n:02}" for n in range(10)]


def test_row_051_auto_drops_the_oldest_items() -> None:
    stage = filled(12)
    stage.respond()
    assert read(stage) == [f"m{n:02}" for n in range(2, 12)]


def test_what_the_user_said_last_stays_although_a_server_is_listed_behind_it() -> None:
    stage = filled(2, context=60)
    stage.update(tools=[server()])
    stage.respond()
    assert read(stage) == ["m01"]


def test_instructions_and_tools_are_kept_and_take_their_room() -> None:
    stage = filled(10, instructions="y" * 400, tools=[TOOL])
    stage.respond()
    assert len(stage.prompt.instructions) == 400
    assert len(stage.prompt.tools) == 1
    assert read(stage) == [f"m{n:02}" for n in range(2, 10)]


def test_dropped_items_stay_in_the_conversation_and_out_of_the_context() -> None:
    stage = filled(11)
    respond(stage)
    stage.news()
    stage.retrieve("m0")
    assert stage.news() == ["retrieved m0"]
    stage.delete("m10")
    stage.respond()
    assert read(stage)[0] == "m01"


def test_row_051_retention_ratio_drops_down_to_its_part_of_the_limit() -> None:
    stage = filled(11, truncation={"type": "retention_ratio", "retention_ratio": 0.8})
    respond(stage)
    assert read(stage) == [f"m{n:02}" for n in range(3, 11)]


def test_retention_ratio_leaves_the_beginning_alone_until_the_limit_is_reached_again() -> None:
    stage = filled(11, truncation={"type": "retention_ratio", "retention_ratio": 0.5})
    respond(stage)
    first = read(stage)[0]
    for number in range(3):
        stage.write("more" + HUNDRED_TOKENS[4:], id=f"more{number}")
        respond(stage)
        assert read(stage)[0] == first


def test_retention_ratio_has_a_limit_of_its_own() -> None:
    stage = filled(
        6,
        truncation={
            "type": "retention_ratio",
            "retention_ratio": 1.0,
            "token_limits": {"post_instructions": 300},
        },
    )
    stage.respond()
    assert read(stage) == ["m03", "m04", "m05"]


def test_row_051_disabled_fails_the_response_and_the_session_goes_on() -> None:
    stage = filled(11, truncation="disabled")
    stage.respond()
    assert stage.news() == [
        "response.created resp1",
        "response.done resp1 failed context_length_exceeded",
    ]
    details = stage.last(ResponseDone).response.status_details
    assert details is not None
    assert isinstance(details.error, ResponseError)
    assert "about 1100 tokens" in details.error.message
    stage.delete("m0")
    stage.respond()
    assert read(stage)[0] == "m01"


def test_a_call_and_its_output_go_together() -> None:
    stage = Stage(limits=Limits(context_tokens=1000), output_modalities=["text"])
    call = {"type": "function_call", "name": "dial", "call_id": "c1", "arguments": "{}"}
    stage.create(call)
    stage.create({"type": "function_call_output", "call_id": "c1", "output": HUNDRED_TOKENS})
    for _ in range(10):
        stage.write(HUNDRED_TOKENS)
    stage.respond()
    assert [message.role for message in stage.prompt.messages] == ["user"] * 10


def test_the_newest_item_is_sent_however_long_it_is() -> None:
    stage = Stage(limits=Limits(context_tokens=100), output_modalities=["text"])
    stage.write("old")
    stage.write("z" * 4000)
    stage.respond()
    assert [len(text) for _, text in stage.dialogue()] == [4000]


def test_the_models_own_count_takes_the_place_of_estimates() -> None:
    stage = filled(6)
    respond(stage, input_tokens=1200)
    stage.write("one more", id="more")
    stage.respond()
    # What we take for 600 tokens has 1,200: of the 1,000 that there are the messages get 500.
    assert len(read(stage)) == 6
    assert read(stage)[0] == "m02"


def test_beside_the_conversation_nothing_is_dropped_from_it() -> None:
    stage = filled(12)
    stage.respond(conversation="none")
    assert read(stage)[0] == "m02"
    stage.finished()
    stage.delete("m11")
    stage.delete("m10")
    stage.respond()
    assert read(stage)[0] == "m00"


def test_a_draft_made_in_the_pause_is_cut_alike_and_used() -> None:
    stage = filled(11)
    stage.speech(320)
    stage.silence(192)
    stage.heard("hello")
    stage.wrote("Hi.")
    stage.news()
    stage.silence(512)
    assert read(stage)[0] == "m02"
    assert not any(line.startswith(("Generate", "Cancel")) for line in stage.news())


@pytest.mark.parametrize(
    "given",
    [
        "auto",
        "disabled",
        {"type": "retention_ratio", "retention_ratio": 0.8},
        {
            "type": "retention_ratio",
            "retention_ratio": 0.8,
            "token_limits": {"post_instructions": 8000},
        },
    ],
)
def test_row_051_all_forms_are_taken(given: Any) -> None:
    stage = Stage()
    stage.news()
    stage.update(truncation=given)
    assert stage.news() == ["session.updated"]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("sometimes", "invalid_value session.truncation"),
        (
            {"type": "retention_ratio", "retention_ratio": 1.1},
            "decimal_above_max_value session.truncation.retention_ratio",
        ),
        (
            {
                "type": "retention_ratio",
                "retention_ratio": 1,
                "token_limits": {"post_instructions": -1},
            },
            "integer_below_min_value session.truncation.token_limits.post_instructions",
        ),
    ],
)
def test_other_forms_are_refused(given: Any, error: str) -> None:
    stage = Stage()
    stage.news()
    stage.update(truncation=given)
    assert stage.news() == [f"error {error}"]
