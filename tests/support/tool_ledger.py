"""The books on MCP calls and listings: each begins once, and ends once what it waits for is there.

They are exempt from the rule that nothing follows a response's end (protocol 5.7): a call whose
arguments are whole may run, and be told of, after `response.done`.
"""

from dataclasses import dataclass

from vivavoce.protocol.items import McpCallItem
from vivavoce.protocol.mcp_events import (
    McpCallArgumentsDone,
    McpCallCompleted,
    McpCallFailed,
    McpCallInProgress,
    McpListToolsCompleted,
    McpListToolsFailed,
    McpListToolsInProgress,
)
from vivavoce.protocol.server_events import OutputItemDone
from vivavoce.session.outputs import AnyOutput, CallTool, Send


@dataclass
class Made:
    """A call whose arguments are whole."""

    response_id: str
    arguments: str
    in_progress: bool = False
    over: type | None = None
    """The event that ended it; its item is done next."""


class ToolLedger:
    """All calls that are not over, and all listings under way."""

    def __init__(self) -> None:
        self.calls: dict[str, Made] = {}
        self.listings: set[str] = set()
        self._last: object = None

    def done(self, output: AnyOutput) -> None:
        """One output, in order."""
        if isinstance(output, Send):
            self._sent(output.event)
            self._last = output.event
        elif isinstance(output, CallTool):
            assert isinstance(self._last, McpCallInProgress), "a call that nobody was told of"
            made = self.calls[self._last.item_id]
            assert output.arguments == (made.arguments or "{}")

    def settled(self) -> None:
        """All servers have answered."""
        assert not self.listings, f"never listed: {self.listings}"
        running = [item_id for item_id, made in self.calls.items() if made.in_progress]
        assert not running, f"never over: {running}"

    def owns(self, event: object) -> bool:
        """Whether this closes a call, which may happen after its response."""
        return isinstance(event, OutputItemDone) and event.item.id in self.calls

    def _sent(self, event: object) -> None:
        match event:
            case McpListToolsInProgress(item_id=item_id):
                self.listings.add(item_id)
            case McpListToolsCompleted(item_id=item_id) | McpListToolsFailed(item_id=item_id):
                self.listings.remove(item_id)
            case McpCallArgumentsDone(item_id=item_id, response_id=response_id, arguments=text):
                assert item_id not in self.calls
                self.calls[item_id] = Made(response_id, text)
            case McpCallInProgress(item_id=item_id):
                made = self.calls[item_id]
                assert not made.in_progress, "begun twice"
                assert made.over is None
                made.in_progress = True
            case McpCallCompleted(item_id=item_id) | McpCallFailed(item_id=item_id):
                made = self.calls[item_id]
                assert made.over is None, "over twice"
                assert made.in_progress or isinstance(event, McpCallFailed)
                made.over = type(event)
            case OutputItemDone(item=McpCallItem() as item) if item.id in self.calls:
                made = self.calls.pop(item.id)
                assert (made.over is McpCallCompleted) == (item.error is None)
                assert (made.over is McpCallFailed) == (item.output is None)
                assert item.arguments == made.arguments
                assert event.response_id == made.response_id
