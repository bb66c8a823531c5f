"""Protocol 5.7: what needs approval waits for it, after the response has ended."""

from typing import Any

import pytest

from support.mcp_tools import call_under_way, server, stage_with
from support.stage import Stage
from vivavoce.protocol.items import McpApprovalRequestItem, McpCallItem, McpToolError
from vivavoce.protocol.server_events import ConversationItemAdded, OutputItemDone


def answer(request: str, approve: bool, **more: Any) -> dict[str, Any]:
    """An approval response."""
    return {
        "type": "mcp_approval_response",
        "approval_request_id": request,
        "approve": approve,
        **more,
    }


def asked() -> tuple[Stage, str]:
    """A stage on which the client was asked, and the id of the request."""
    stage = stage_with("roll", require_approval="always")
    call_under_way(stage)
    stage.finished()
    item = stage.last(ConversationItemAdded).item
    assert isinstance(item, McpApprovalRequestItem)
    return stage, item.id


def test_the_client_is_asked_as_soon_as_the_arguments_are_whole() -> None:
    stage, request_id = asked()
    assert stage.told()[-5:] == [
        'mcp_arguments.delta item2 {"sides": 6}',
        'mcp_arguments.done item2 {"sides": 6}',
        "item.added item3 after item2",
        "item.done item3",
        "response.done resp1 completed",
    ]
    item = stage.last(ConversationItemAdded).item
    assert item == McpApprovalRequestItem(
        id=request_id, server_label="dice", name="roll", arguments='{"sides": 6}'
    )


def test_an_approved_call_is_made() -> None:
    stage, request_id = asked()
    stage.news()
    stage.create(answer(request_id, True), after="item3")
    assert stage.news() == [
        "item.added item4 after item3",
        "item.done item4",
        "mcp_call.in_progress item2",
        'CallTool tool1 dice.roll({"sides": 6})',
    ]
    stage.returned("4")
    call = stage.last(OutputItemDone).item
    assert isinstance(call, McpCallItem)
    assert (call.output, call.approval_request_id) == ("4", request_id)


def test_a_call_that_is_not_approved_fails_and_the_model_reads_why() -> None:
    stage, request_id = asked()
    stage.news()
    stage.create(answer(request_id, False, reason="Too risky."))
    assert stage.news() == [
        "item.added item4 after item3",
        "item.done item4",
        "mcp_call.failed item2",
        "item.done item2",
        "output_item.done item2",
    ]
    call = stage.last(OutputItemDone).item
    assert isinstance(call, McpCallItem)
    assert call.error == McpToolError(message="The call was not approved. Too risky.")
    stage.respond()
    assert stage.dialogue()[-1] == ("tool", "Error: The call was not approved. Too risky.")


def test_an_answer_to_nothing_is_refused() -> None:
    stage, _ = asked()
    stage.news()
    stage.create(answer("item_nobody", True))
    assert stage.news() == ["error invalid_value item.approval_request_id"]


def test_a_second_answer_is_refused() -> None:
    stage, request_id = asked()
    stage.create(answer(request_id, False))
    stage.news()
    stage.create(answer(request_id, True))
    assert stage.news() == ["error invalid_value item.approval_request_id"]


def test_an_answer_waits_for_the_end_of_a_response() -> None:
    stage, request_id = asked()
    stage.respond()
    stage.news()
    stage.create(answer(request_id, True))
    assert stage.news() == []
    stage.finished()
    assert "mcp_call.in_progress item2" in stage.news()


def test_a_request_that_was_deleted_can_still_be_answered() -> None:
    stage, request_id = asked()
    stage.delete("item3")
    stage.news()
    stage.create(answer(request_id, True))
    assert "mcp_call.in_progress item2" in stage.news()


def test_a_cancelled_response_leaves_its_question_open() -> None:
    stage = stage_with("roll", require_approval="always")
    call_under_way(stage, arguments="{}")
    stage.called("", index=1, name="dice__roll")
    stage.cancel()
    request = next(
        event.item
        for event in stage.events
        if isinstance(event, ConversationItemAdded)
        and isinstance(event.item, McpApprovalRequestItem)
    )
    stage.news()
    stage.create(answer(request.id, True))
    assert "mcp_call.in_progress item2" in stage.news()


def test_a_replayed_history_makes_no_calls() -> None:
    stage = Stage()
    request = {"type": "mcp_approval_request", "id": "old", "server_label": "dice"}
    stage.create({**request, "name": "roll", "arguments": "{}"})
    stage.news()
    stage.create(answer("old", True))
    assert stage.news() == ["item.added item1 after old", "item.done item1"]


def test_what_needs_approval_is_not_offered_beside_the_conversation() -> None:
    stage = stage_with("roll", "look", require_approval={"never": {"tool_names": ["look"]}})
    stage.respond(conversation="none")
    assert [tool.name for tool in stage.prompt.tools] == ["dice__look"]


@pytest.mark.parametrize("rule", [None, "always", {}, {"never": {}}, {"always": {}}])
def test_approval_is_needed_unless_the_client_says_otherwise(rule: Any) -> None:
    stage = Stage(output_modalities=["text"])
    stage.update(tools=[server(require_approval=rule)])
    stage.listed("roll")
    call_under_way(stage)
    stage.finished()
    assert not any(line.startswith("CallTool") for line in stage.news())
