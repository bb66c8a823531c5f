"""Walk (e) and protocol 5.6: function calls, their outputs, and the response after them."""

from typing import Any

import pytest

from support.cast import Call, Cast, Limit
from support.stage import Stage
from vivavoce.protocol.items import FunctionCallItem
from vivavoce.protocol.prompt import Message, ToolCall
from vivavoce.protocol.server_events import OutputItemDone, ResponseDone

TOOLS = [{"type": "function", "name": "dial", "description": "Dials a number."}]


def output(call_id: str, text: str = "done", **more: str) -> dict[str, str]:
    return {"type": "function_call_output", "call_id": call_id, "output": text, **more}


def a_call_under_way() -> Stage:
    stage = Stage(tools=TOOLS)
    stage.write("dial 911")
    stage.respond()
    stage.called('{"number"', name="dial", call_id="call_abc")
    return stage


def test_arguments_are_streamed_and_the_call_is_closed() -> None:
    stage = a_call_under_way()
    assert stage.told()[3:] == [
        "response.created resp1",
        "output_item.added item2",
        "item.added item2 after item1",
        'arguments.delta item2 {"number"',
    ]
    stage.called(": 911}")
    stage.finished()
    assert stage.told() == [
        "arguments.delta item2 : 911}",
        'arguments.done item2 dial({"number": 911})',
        "item.done item2",
        "output_item.done item2",
        "response.done resp1 completed",
    ]


def test_an_early_output_is_shown_after_the_response_and_read_by_the_next() -> None:
    stage = a_call_under_way()
    stage.news()
    stage.create(output("call_abc", "ringing"))
    assert stage.news() == []
    stage.respond()
    assert stage.news() == ["error conversation_already_has_active_response"]
    stage.called(": 911}")
    stage.finished()
    assert stage.told()[4:] == [
        "response.done resp1 completed",
        "item.added item3 after item2",
        "item.done item3",
    ]
    stage.respond()
    assert stage.news() == ["response.created resp2", "Generate generate2"]
    assert stage.prompt.messages[1:] == (
        Message(role="assistant", tool_calls=(ToolCall("call_abc", "dial", '{"number": 911}'),)),
        Message(role="tool", text="ringing", call_id="call_abc"),
    )


def test_the_server_does_not_go_on_by_itself() -> None:
    stage = Stage(cast=Cast(says=[(Call("dial", "{}"),)]), tools=TOOLS)
    stage.write("dial 911")
    stage.respond()
    stage.advance(1000)
    call = stage.last(OutputItemDone).item
    assert isinstance(call, FunctionCallItem)
    stage.news()
    stage.create(output(call.call_id))
    stage.advance(1000)
    assert stage.news() == ["item.added item3 after item2", "item.done item3"]


def test_an_output_without_its_call_is_refused() -> None:
    stage = Stage()
    stage.news()
    stage.create(output("call_nobody"))
    assert stage.news() == ["error invalid_tool_call_id"]
    assert stage.error.message == "Tool call ID 'call_nobody' not found in conversation."


def test_words_before_a_call_are_closed_before_it_begins() -> None:
    stage = Stage(cast=Cast(says=[("One moment.", Call("dial"))]), tools=TOOLS)
    stage.write("dial 911")
    stage.respond()
    stage.advance(1000)
    told = stage.told()
    assert told.index("output_item.done item2") < told.index("output_item.added item3")
    assert told[-1] == "response.done resp1 completed"


def test_parallel_calls_have_places_and_ids_of_their_own() -> None:
    stage = Stage(cast=Cast(says=[(Call("dial", "[1]"), Call("dial", "[2]"))]), tools=TOOLS)
    stage.write("dial both")
    stage.respond()
    stage.advance(1000)
    closed = [event for event in stage.events if isinstance(event, OutputItemDone)]
    assert [event.output_index for event in closed] == [0, 1]
    calls = [event.item for event in closed if isinstance(event.item, FunctionCallItem)]
    assert [call.arguments for call in calls] == ["[1]", "[2]"]
    assert calls[0].call_id != calls[1].call_id


@pytest.mark.parametrize("given", [None, "", "c" * 33, "call_old"])
def test_a_call_id_that_no_client_could_send_back_is_replaced(given: str | None) -> None:
    stage = Stage(tools=TOOLS)
    stage.create({"type": "function_call", "name": "dial", "call_id": "call_old", "arguments": ""})
    stage.respond()
    stage.called("{}", name="dial", call_id=given)
    stage.finished()
    call = stage.last(OutputItemDone).item
    assert isinstance(call, FunctionCallItem)
    assert call.call_id.startswith("call_")
    assert call.call_id != given


def test_a_call_that_the_token_limit_cuts_is_incomplete_and_not_done() -> None:
    stage = Stage(cast=Cast(says=[(Call("dial", '{"a"'), Limit())]), tools=TOOLS)
    stage.write("dial 911")
    stage.respond()
    stage.advance(1000)
    told = stage.told()
    assert told[-3:] == [
        "item.done item2 incomplete",
        "output_item.done item2 incomplete",
        "response.done resp1 incomplete max_output_tokens",
    ]
    assert not any(line.startswith("arguments.done") for line in told)


def test_an_output_is_read_behind_its_call_although_somebody_spoke_in_between() -> None:
    stage = a_call_under_way()
    stage.called(": 911}")
    stage.finished()
    stage.write("are you there?")
    stage.create(output("call_abc", "ringing"))
    stage.respond()
    assert [message.role for message in stage.prompt.messages] == [
        "user",
        "assistant",
        "tool",
        "user",
    ]


def test_a_call_that_was_not_answered_is_not_read() -> None:
    stage = a_call_under_way()
    stage.called(": 911}")
    stage.finished()
    stage.write("never mind")
    stage.respond()
    assert stage.dialogue() == [("user", "dial 911"), ("user", "never mind")]


def test_the_calls_of_a_response_are_in_its_output() -> None:
    stage = a_call_under_way()
    stage.called(": 911}")
    stage.finished()
    (item,) = stage.last(ResponseDone).response.output
    assert isinstance(item, FunctionCallItem)
    assert (item.status, item.call_id) == ("completed", "call_abc")


def test_row_115_a_call_is_closed_when_the_next_begins() -> None:
    stage = a_call_under_way()
    stage.called(": 911}")
    stage.news()
    stage.called('{"number": 112}', index=1, name="dial")
    assert stage.news() == [
        'arguments.done item2 dial({"number": 911})',
        "item.done item2",
        "output_item.done item2",
        "output_item.added item3",
        "item.added item3 after item2",
        'arguments.delta item3 {"number": 112}',
    ]


def test_a_call_is_closed_when_words_follow_it() -> None:
    stage = Stage(tools=TOOLS, output_modalities=["text"])
    stage.respond()
    stage.called("{}", name="dial")
    stage.news()
    stage.wrote("I am dialling.")
    assert stage.news()[0] == "arguments.done item1 dial({})"


def test_calls_whose_pieces_come_in_turn_are_whole_in_the_end() -> None:
    stage = a_call_under_way()
    stage.called('{"number"', index=1, name="dial")
    stage.called(": 911}")
    stage.called(": 112}", index=1)
    stage.called("", index=2, name="dial")
    stage.finished()
    closed = [event.item for event in stage.events if isinstance(event, OutputItemDone)]
    calls = [item.arguments for item in closed if isinstance(item, FunctionCallItem)]
    assert calls == ['{"number": 911}', '{"number": 112}', ""]


@pytest.mark.parametrize(
    ("choice", "mode", "forced"),
    [
        ("none", "none", None),
        ("auto", "auto", None),
        ("required", "required", None),
        ({"type": "function", "name": "dial"}, "required", "dial"),
    ],
)
def test_row_114_a_tool_choice_holds_for_the_session_or_for_one_response(
    choice: Any, mode: str, forced: str | None
) -> None:
    stage = Stage(tools=TOOLS, tool_choice=choice, output_modalities=["text"])
    stage.respond()
    assert (stage.prompt.tool_choice, stage.prompt.forced_tool) == (mode, forced)
    stage = Stage(tools=TOOLS, output_modalities=["text"])
    stage.respond(tool_choice=choice)
    assert (stage.prompt.tool_choice, stage.prompt.forced_tool) == (mode, forced)
    stage.finished()
    stage.respond()
    assert (stage.prompt.tool_choice, stage.prompt.forced_tool) == ("auto", None)


def test_row_050_the_model_is_asked_for_one_call_at_a_time() -> None:
    stage = Stage(tools=TOOLS, parallel_tool_calls=False, output_modalities=["text"])
    stage.respond()
    assert stage.prompt.parallel_tool_calls is False
    stage.finished()
    stage.respond(parallel_tool_calls=True)
    assert stage.prompt.parallel_tool_calls is True
