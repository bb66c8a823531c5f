"""Walk (g) and protocol 5.7: this server makes the calls, and the client asks for what follows."""

import pytest

from support.mcp_tools import call_under_way, server, stage_with
from support.stage import PEER, Stage
from vivavoce.protocol.items import McpCallItem, McpProtocolError
from vivavoce.protocol.mcp_events import McpCallArgumentsDelta
from vivavoce.protocol.prompt import Message, ToolCall
from vivavoce.protocol.server_events import ConversationItemDone, OutputItemDone, ResponseDone
from vivavoce.session.inputs import PeerLeft


def closed_call(stage: Stage) -> McpCallItem:
    """The call that was closed last."""
    item = stage.last(OutputItemDone).item
    assert isinstance(item, McpCallItem)
    return item


def test_a_call_is_made_once_its_arguments_are_whole() -> None:
    stage = stage_with("roll")
    stage.respond()
    stage.called('{"sides"', name="dice__roll")
    assert stage.news() == [
        "response.created resp1",
        "Generate generate1",
        "output_item.added item2",
        "item.added item2 after item1",
        'mcp_arguments.delta item2 {"sides"',
    ]
    stage.called(": 6}")
    stage.finished()
    assert stage.news() == [
        "mcp_arguments.delta item2 : 6}",
        'mcp_arguments.done item2 {"sides": 6}',
        "mcp_call.in_progress item2",
        'CallTool tool1 dice.roll({"sides": 6})',
        "response.done resp1 completed",
    ]
    assert stage.last(McpCallArgumentsDelta).obfuscation
    stage.returned("4")
    assert stage.news() == ["mcp_call.completed item2", "item.done item2", "output_item.done item2"]
    call = closed_call(stage)
    assert (call.server_label, call.name, call.output, call.error) == ("dice", "roll", "4", None)


def test_nothing_follows_until_the_client_asks_and_then_the_model_reads_the_output() -> None:
    stage = stage_with("roll")
    call_under_way(stage)
    stage.finished()
    stage.returned("4")
    stage.news()
    stage.advance(1000)
    assert stage.news() == []
    stage.respond()
    call_id = stage.names.id_of("item2")
    assert stage.prompt.messages == (
        Message(role="assistant", tool_calls=(ToolCall(call_id, "dice__roll", '{"sides": 6}'),)),
        Message(role="tool", text="4", call_id=call_id),
    )


def test_a_fast_output_is_in_the_response() -> None:
    stage = stage_with("roll")
    call_under_way(stage)
    stage.called("{}", index=1, name="dice__roll")
    stage.returned("4", job="tool1")
    stage.finished()
    first, second = stage.last(ResponseDone).response.output
    assert isinstance(first, McpCallItem)
    assert isinstance(second, McpCallItem)
    assert (first.output, second.output) == ("4", None)


def test_a_call_under_way_is_not_read_by_the_model() -> None:
    stage = stage_with("roll")
    call_under_way(stage)
    stage.finished()
    stage.respond()
    assert stage.prompt.messages == ()


def test_the_error_of_a_call_is_in_its_item_and_is_read_by_the_model() -> None:
    stage = stage_with("roll")
    call_under_way(stage)
    stage.finished()
    stage.news()
    error = McpProtocolError(code=-32602, message="No such die.")
    stage.server_failed(error, "tool1")
    assert stage.news() == ["mcp_call.failed item2", "item.done item2", "output_item.done item2"]
    assert closed_call(stage).error == error
    stage.respond()
    assert stage.dialogue()[-1] == ("tool", "Error: No such die.")


def test_a_call_that_breaks_unexpectedly_fails() -> None:
    stage = stage_with("roll")
    call_under_way(stage)
    stage.finished()
    stage.failed("tool1")
    assert closed_call(stage).error is not None


@pytest.mark.parametrize("name", ["dice__fly", "dice__"])
def test_a_tool_that_is_not_offered_is_never_called(name: str) -> None:
    stage = stage_with("roll", "fly", allowed_tools=["roll"])
    call_under_way(stage, name, "{}")
    stage.finished()
    assert not any(line.startswith("CallTool") for line in stage.news())
    error = closed_call(stage).error
    assert error is not None
    assert "offers no tool" in error.message


def test_arguments_that_are_no_object_are_never_sent() -> None:
    stage = stage_with("roll")
    call_under_way(stage, arguments="six sides")
    stage.finished()
    assert not any(line.startswith("CallTool") for line in stage.news())
    error = closed_call(stage).error
    assert error is not None
    assert error.message == "The arguments are not a JSON object."
    stage.respond()
    assert stage.prompt.messages[0].tool_calls[0].arguments == "{}"


def test_a_model_that_writes_no_arguments_means_none() -> None:
    stage = stage_with("roll")
    call_under_way(stage, arguments="")
    stage.finished()
    assert "CallTool tool1 dice.roll({})" in stage.news()


def test_calls_of_both_kinds_stand_in_one_response() -> None:
    stage = stage_with("roll", functions=("dial",))
    stage.respond()
    stage.called("{}", index=0, name="dice__roll")
    stage.called("{}", index=1, name="dial")
    stage.called("{}", index=2, name="dice__roll")
    stage.finished()
    stage.returned("4", job="tool1")
    stage.returned("5", job="tool2")
    told = stage.told()
    assert told.index("mcp_call.in_progress item2") < told.index("output_item.added item3")
    assert told[-6:] == [
        "mcp_call.completed item2",
        "item.done item2",
        "output_item.done item2",
        "mcp_call.completed item4",
        "item.done item4",
        "output_item.done item4",
    ]
    output = stage.last(ResponseDone).response.output
    assert [item.__struct_config__.tag for item in output] == [
        "mcp_call",
        "function_call",
        "mcp_call",
    ]


def test_a_barge_in_does_not_take_back_what_was_begun() -> None:
    stage = stage_with("roll")
    call_under_way(stage)
    stage.called("{}", index=1, name="dice__roll")
    stage.news()
    stage.cancel()
    assert stage.news() == [
        "Cancel generate1",
        "item.done item3",
        "output_item.done item3",
        "response.done resp1 cancelled client_cancelled",
    ]
    stage.returned("4", job="tool1")
    assert "mcp_call.completed item2" in stage.news()


def test_a_call_that_is_cut_short_is_closed_and_never_made() -> None:
    stage = stage_with("roll")
    stage.respond()
    stage.called('{"sides"', name="dice__roll")
    stage.news()
    stage.cancel()
    assert stage.news() == [
        "Cancel generate1",
        "item.done item2",
        "output_item.done item2",
        "response.done resp1 cancelled client_cancelled",
    ]
    call = closed_call(stage)
    assert (call.output, call.error) == (None, None)
    stage.respond()
    assert stage.prompt.messages == ()


def test_a_call_at_the_token_limit_is_not_made() -> None:
    stage = stage_with("roll")
    stage.respond()
    stage.called('{"sides"', name="dice__roll")
    stage.finished("length")
    assert not any(line.startswith("CallTool") for line in stage.news())


def test_a_call_whose_item_was_deleted_still_ends() -> None:
    stage = stage_with("roll")
    call_under_way(stage)
    stage.finished()
    stage.delete("item2")
    stage.news()
    stage.returned("4")
    assert stage.news() == ["mcp_call.completed item2", "output_item.done item2"]


def test_a_call_can_be_retrieved_while_it_runs() -> None:
    stage = stage_with("roll")
    call_under_way(stage)
    stage.finished()
    stage.news()
    stage.retrieve("item2")
    assert stage.news() == ["retrieved item2"]


def test_a_server_that_is_removed_still_answers_the_calls_that_were_made() -> None:
    stage = stage_with("roll")
    call_under_way(stage)
    stage.finished()
    stage.update(tools=[])
    stage.returned("4")
    assert closed_call(stage).output == "4"


def test_a_response_beside_the_conversation_calls_without_an_item() -> None:
    stage = stage_with("roll")
    stage.respond(conversation="none")
    stage.called("{}", name="dice__roll")
    stage.finished()
    stage.returned("4")
    told = stage.told()
    assert not any(line.startswith("item.") for line in told)
    assert told[-2:] == ["mcp_call.completed item2", "output_item.done item2"]


def test_a_draft_may_decide_on_a_call_but_nothing_runs_before_the_endpoint() -> None:
    stage = Stage(output_modalities=["text"])
    stage.update(tools=[server()])
    stage.listed("roll")
    stage.silence(960)
    stage.speech(1024)
    stage.silence(160)
    stage.heard("roll the dice")
    stage.called("{}", name="dice__roll")
    stage.finished()
    before = stage.news()
    assert "Generate generate1" in before
    assert not any(line.startswith(("CallTool", "mcp_call", "output_item")) for line in before)
    stage.silence(352)
    after = stage.news()
    assert "CallTool tool1 dice.roll({})" in after
    assert not any(line.startswith("Generate") for line in after)


def test_too_many_open_calls_are_not_made() -> None:
    stage = stage_with("roll")
    stage.respond()
    for index in range(65):
        stage.called("{}", index=index, name="dice__roll")
    stage.finished()
    made = [line for line in stage.news() if line.startswith("CallTool")]
    assert len(made) == 64
    error = closed_call(stage).error
    assert error is not None
    assert error.message == "At most 64 calls may be open at a time."


def test_a_session_that_ends_cancels_its_calls() -> None:
    stage = stage_with("roll")
    call_under_way(stage)
    stage.finished()
    stage.news()
    stage.step(PeerLeft(PEER))
    assert "Cancel tool1" in stage.news()


def test_a_replayed_call_is_read_by_the_model() -> None:
    stage = Stage(output_modalities=["text"])
    call = {"type": "mcp_call", "server_label": "dice", "name": "roll", "arguments": "{}"}
    stage.create({**call, "output": "4"})
    stage.respond()
    assert stage.dialogue() == [("assistant", ""), ("tool", "4")]
    assert stage.last(ConversationItemDone).item.id


def test_a_choice_names_a_tool_of_a_server() -> None:
    stage = stage_with("roll", "fly", functions=("dial",))
    stage.respond(tool_choice={"type": "mcp", "server_label": "dice", "name": "roll"})
    assert (stage.prompt.forced_tool, stage.prompt.tool_choice) == ("dice__roll", "required")
    stage.finished()
    stage.respond(tool_choice={"type": "mcp", "server_label": "dice"})
    assert (stage.prompt.forced_tool, stage.prompt.tool_choice) == (None, "required")
    assert [tool.name for tool in stage.prompt.tools] == ["dice__roll", "dice__fly"]


def test_a_choice_of_a_server_that_is_not_there_is_refused() -> None:
    stage = stage_with("roll")
    stage.respond(tool_choice={"type": "mcp", "server_label": "cards"})
    assert stage.news() == ["error invalid_value response.tool_choice"]
