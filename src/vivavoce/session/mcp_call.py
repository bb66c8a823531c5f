"""A call of an MCP server's tool as an item of a response.

    opened -> arguments whole -> [approval] -> at work -> over
       |          (`begun` is told)
       +-- cut short: closed without output or error, and never made

To its response the item is complete once its arguments are; its `.done` events come when the call
is over, which may be after `response.done` (protocol 5.7).
"""

from collections.abc import Callable

from msgspec import UNSET, UnsetType

from vivavoce.protocol.items import ItemStatus, McpCallItem, McpError
from vivavoce.protocol.mcp_events import (
    McpCallArgumentsDelta,
    McpCallArgumentsDone,
    McpCallCompleted,
    McpCallFailed,
    McpCallInProgress,
)
from vivavoce.protocol.server_events import ConversationItemDone, OutputItemDone
from vivavoce.session.conversation import Entry
from vivavoce.session.draft_content import DraftCall
from vivavoce.session.output_items import OutputItem, Place
from vivavoce.session.tool_offer import RemoteTool


class McpCall(OutputItem):
    """A call that this server makes."""

    def __init__(self, place: Place, tool: RemoteTool, begun: Callable[["McpCall"], None]) -> None:
        super().__init__(place)
        self.tool = tool
        self._begun = begun
        self._arguments = ""
        self._approval_request_id: str | UnsetType = UNSET
        self._output: str | None = None
        self._error: McpError | None = None

    @property
    def written(self) -> str:
        """The arguments."""
        return self._arguments

    def advance(self, content: DraftCall) -> bool:
        """Send the arguments that are new; True when there will be no more."""
        delta = content.arguments[len(self._arguments) :]
        if delta:
            self._arguments = content.arguments
            filler = self.place.state.ids.filler()
            event = self.place.event(McpCallArgumentsDelta, delta=delta, obfuscation=filler)
            self.place.state.out.send(event)
        return content.complete

    def item(self, status: ItemStatus) -> McpCallItem:  # noqa: ARG002
        """The call as it stands."""
        return McpCallItem(
            id=self.place.item_id,
            server_label=self.tool.server.label,
            name=self.tool.name,
            arguments=self._arguments,
            approval_request_id=self._approval_request_id,
            output=self._output,
            error=self._error,
        )

    def spoken(self) -> None:
        """Nothing was said aloud."""

    def close_content(self, status: ItemStatus) -> None:
        """The arguments are whole; those of a call that was cut short never are."""
        if status == "completed":
            event = self.place.event(McpCallArgumentsDone, arguments=self._arguments)
            self.place.state.out.send(event)

    def close(self, status: ItemStatus) -> None:
        """The response has nothing more for this call, which begins now unless it was cut short."""
        if self.final is not None or status != "completed":
            super().close(status)
            return
        self.close_content(status)
        self._changed()
        self._begun(self)

    def asked(self, approval_request_id: str) -> None:
        """The client is asked whether the call may be made."""
        self._approval_request_id = approval_request_id
        self._changed()

    def in_progress(self) -> None:
        """The server is called."""
        self.place.state.out.send(self._event(McpCallInProgress))

    def completed(self, output: str) -> None:
        """The tool has given its output."""
        self._output = output
        self._over(McpCallCompleted)

    def failed(self, error: McpError) -> None:
        """The tool has given nothing."""
        self._error = error
        self._over(McpCallFailed)

    def _event(
        self, kind: type[McpCallInProgress | McpCallCompleted | McpCallFailed]
    ) -> McpCallInProgress | McpCallCompleted | McpCallFailed:
        return kind(item_id=self.place.item_id, output_index=self.place.output_index)

    def _changed(self) -> None:
        self.final = self.item("completed")
        self.place.state.conversation.put(Entry(self.final))

    def _over(self, kind: type[McpCallCompleted | McpCallFailed]) -> None:
        """Send the `.done` events; the item may have been deleted meanwhile."""
        place, out = self.place, self.place.state.out
        out.send(self._event(kind))
        self._changed()
        item = self.item("completed")
        if place.state.conversation.find(item.id) is not None:
            previous = place.state.conversation.previous_of(item.id)
            out.send(ConversationItemDone(previous_item_id=previous, item=item))
        out.send(
            OutputItemDone(
                response_id=place.response_id, output_index=place.output_index, item=item
            )
        )
