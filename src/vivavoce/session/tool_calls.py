"""The calls of MCP servers' tools: waiting for approval, at work, over (protocol 5.7).

A call outlives its response: neither a barge-in nor `response.cancel` takes back what was begun,
and nothing follows from its output until the client asks for a response.
"""

from vivavoce.protocol.errors import Refusal, refuse
from vivavoce.protocol.items import (
    McpApprovalRequestItem,
    McpApprovalResponseItem,
    McpToolError,
)
from vivavoce.protocol.server_events import ConversationItemAdded, ConversationItemDone
from vivavoce.protocol.tools import is_whole_json
from vivavoce.session.conversation import Entry
from vivavoce.session.inputs import ToolReturned, ToolServerFailed
from vivavoce.session.mcp_call import McpCall
from vivavoce.session.outputs import CallTool, Cancel
from vivavoce.session.state import State

MAX_OPEN = 64
"""Calls of a session that may wait or be at work at a time."""


class ToolCalls:
    """All calls of a session that are not over."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._awaiting: dict[str, McpCall] = {}
        """By the id of the approval request."""
        self._running: dict[int, McpCall] = {}
        """By job."""

    def begin(self, call: McpCall) -> None:
        """The model has made this call."""
        obstacle = self._obstacle(call)
        if obstacle is not None:
            call.failed(McpToolError(message=obstacle))
        elif call.tool.needs_approval:
            self._ask(call)
        else:
            self._run(call)

    def check_answer(self, answer: McpApprovalResponseItem) -> None:
        """Raises `Refusal` for an answer to nothing, and for a second one."""
        asked = answer.approval_request_id
        conversation = self._state.conversation
        request = conversation.find(asked)
        known = request is not None and isinstance(request.item, McpApprovalRequestItem)
        if not known and asked not in self._awaiting:
            raise answer_refused(asked, "not found in conversation")
        if conversation.has(McpApprovalResponseItem, asked):
            raise answer_refused(asked, "has been answered already")

    def answered(self, answer: McpApprovalResponseItem) -> None:
        """The client approves a call, or does not; of one in a replayed history nothing follows."""
        call = self._awaiting.pop(answer.approval_request_id, None)
        if call is None:
            return
        if answer.approve:
            self._run(call)
            return
        reason = f" {answer.reason}" if answer.reason else ""
        call.failed(McpToolError(message=f"The call was not approved.{reason}"))

    def received(self, result: ToolReturned | ToolServerFailed) -> bool:
        """A server has answered; False if no call has its job."""
        call = self._running.pop(result.job, None)
        if call is None:
            return False
        if isinstance(result, ToolReturned):
            call.completed(result.output)
        else:
            call.failed(result.error)
        return True

    def stop(self) -> None:
        """Cancel all jobs: the session ends."""
        for job in self._running:
            self._state.out.do(Cancel(job))
        self._running.clear()
        self._awaiting.clear()

    def _obstacle(self, call: McpCall) -> str | None:
        """Why the call cannot be made at all."""
        if not call.tool.listed:
            return f"The server '{call.tool.server.label}' offers no tool '{call.tool.name}'."
        if not is_whole_json(call.written or "{}"):
            return "The arguments are not a JSON object."
        if len(self._awaiting) + len(self._running) >= MAX_OPEN:
            return f"At most {MAX_OPEN} calls may be open at a time."
        return None

    def _ask(self, call: McpCall) -> None:
        item = McpApprovalRequestItem(
            id=self._state.ids.new("item"),
            server_label=call.tool.server.label,
            name=call.tool.name,
            arguments=call.written or "{}",
        )
        self._awaiting[item.id] = call
        call.asked(item.id)
        previous = self._state.conversation.insert(Entry(item))
        self._state.out.send(ConversationItemAdded(previous_item_id=previous, item=item))
        self._state.out.send(ConversationItemDone(previous_item_id=previous, item=item))

    def _run(self, call: McpCall) -> None:
        job = self._state.out.new_job()
        self._running[job] = call
        call.in_progress()
        self._state.out.do(
            CallTool(
                job=job,
                server=call.tool.server,
                name=call.tool.name,
                arguments=call.written or "{}",
            )
        )


def answer_refused(approval_request_id: str, reason: str) -> Refusal:
    """An approval response that answers no open request."""
    text = f"Approval request ID '{approval_request_id}' {reason}."
    return refuse("invalid_value", text, "item.approval_request_id")
