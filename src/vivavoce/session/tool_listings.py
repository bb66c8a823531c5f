"""What MCP servers list: asked once for each server that a session or a response names.

    wanted -> item.added, in_progress, ListTools -> completed | failed, item.done

A server counts as another one when its address or a header changes. Nothing waits for a listing
but a response that names the server itself; until then its tools are not offered (protocol 5.7).
A listing that neither the session nor a response wants any more is cancelled.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from vivavoce.protocol.errors import ErrorDetail, refuse
from vivavoce.protocol.items import McpError, McpListToolsItem
from vivavoce.protocol.mcp_events import (
    McpListToolsCompleted,
    McpListToolsFailed,
    McpListToolsInProgress,
)
from vivavoce.protocol.server_events import ConversationItemAdded, ConversationItemDone, Error
from vivavoce.protocol.tools import AnyTool, McpTool, ToolServer
from vivavoce.session.conversation import Entry
from vivavoce.session.inputs import ToolServerFailed, ToolsListed
from vivavoce.session.outputs import Cancel, ListTools
from vivavoce.session.state import State
from vivavoce.session.tool_offer import allowed_tools

MAX_REMEMBERED = 32
"""Listings that were made for one response and are kept for the next."""

MAX_UNDER_WAY = 64
"""Listings that may be under way when a response asks for more."""


@dataclass(slots=True)
class Listing:
    """One server's listing; `job` is None once it has answered."""

    tool: McpTool
    server: ToolServer
    item_id: str
    job: int | None
    shown: bool
    """Whether the conversation has an item for it."""
    of_session: bool


class Listings:
    """All listings of a session."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._listings: list[Listing] = []

    def session_has(self, tools: Iterable[AnyTool], awaited: Set[str]) -> None:
        """The session names these tools from now on: list what is new, forget what is gone.

        A server that failed is asked again when a client names it again. Responses wait for the
        listings with the ids `awaited`.
        """
        wanted = {tool.server: tool for tool in tools if isinstance(tool, McpTool)}
        for listing in tuple(self._listings):
            listing.of_session = listing.server in wanted
            if not listing.of_session and listing.item_id not in awaited:
                self._forget(listing)
        for server, tool in wanted.items():
            known = self._find(server)
            if known is None:
                self._ask(tool, server, shown=True, of_session=True)
                continue
            known.tool = tool
            if not known.shown:
                self._announce(known)
                if known.job is None:
                    self._show(known, McpListToolsCompleted(item_id=known.item_id))

    def are_new(self, tools: Iterable[AnyTool]) -> bool:
        """Whether a server among these is to be asked, which makes an item of its own."""
        return any(isinstance(tool, McpTool) and self._find(tool.server) is None for tool in tools)

    def response_has(self, tools: Iterable[AnyTool], *, in_conversation: bool) -> set[str]:
        """A response names these tools: gives the ids of the listings that it has to wait for.

        Raises `Refusal` if too many are under way.
        """
        servers = [tool.server for tool in tools if isinstance(tool, McpTool)]
        new = [server for server in servers if self._find(server) is None]
        if new and len(self._under_way) + len(new) > MAX_UNDER_WAY:
            raise refuse(
                "too_many_listings",
                f"At most {MAX_UNDER_WAY} MCP servers may be asked for their tools at a time.",
                "response.tools",
            )
        waiting = set()
        for tool in tools:
            if not isinstance(tool, McpTool):
                continue
            listing = self._find(tool.server)
            if listing is None:
                listing = self._ask(tool, tool.server, shown=in_conversation, of_session=False)
            if listing.job is not None:
                waiting.add(listing.item_id)
        self._forget_oldest()
        return waiting

    def received(self, result: ToolsListed | ToolServerFailed) -> str | None:
        """A server has answered: gives the id of its listing, None if no listing has that job."""
        listing = next((each for each in self._listings if each.job == result.job), None)
        if listing is None:
            return None
        listing.job = None
        if isinstance(result, ToolsListed):
            self._state.listed[listing.server] = result.tools
            self._show(listing, McpListToolsCompleted(item_id=listing.item_id))
        else:
            self._listings.remove(listing)
            self._show(listing, McpListToolsFailed(item_id=listing.item_id))
            self._tell(listing.server, result.error)
        return listing.item_id

    def drop_unwanted(self, awaited: Set[str]) -> None:
        """Cancel what is under way for responses that have ended; `awaited` has the others' ids."""
        for listing in self._under_way:
            if not listing.of_session and listing.item_id not in awaited:
                self._forget(listing)

    def stop(self) -> None:
        """Cancel all jobs: the session ends."""
        for listing in self._listings:
            if listing.job is not None:
                self._state.out.do(Cancel(listing.job))
        self._listings.clear()

    @property
    def _under_way(self) -> list[Listing]:
        return [listing for listing in self._listings if listing.job is not None]

    def _find(self, server: ToolServer) -> Listing | None:
        return next((each for each in self._listings if each.server == server), None)

    def _ask(self, tool: McpTool, server: ToolServer, *, shown: bool, of_session: bool) -> Listing:
        item_id, job = self._state.ids.new("item"), self._state.out.new_job()
        listing = Listing(tool, server, item_id, job, shown=False, of_session=of_session)
        self._listings.append(listing)
        if shown:
            self._announce(listing)
        self._state.out.do(ListTools(job, server))
        return listing

    def _announce(self, listing: Listing) -> None:
        """Put an item for the listing into the conversation, without tools so far."""
        listing.shown = True
        item = McpListToolsItem(id=listing.item_id, server_label=listing.server.label, tools=())
        previous = self._state.conversation.insert(Entry(item))
        self._state.out.send(ConversationItemAdded(previous_item_id=previous, item=item))
        self._state.out.send(McpListToolsInProgress(item_id=item.id))

    def _forget(self, listing: Listing) -> None:
        """The server is not wanted any more; a listing under way ends as failed."""
        self._listings.remove(listing)
        self._state.listed.pop(listing.server, None)
        if listing.job is not None:
            self._state.out.do(Cancel(listing.job))
            self._show(listing, McpListToolsFailed(item_id=listing.item_id))

    def _forget_oldest(self) -> None:
        idle = [each for each in self._listings if each.job is None and not each.of_session]
        for listing in idle[: max(0, len(idle) - MAX_REMEMBERED)]:
            self._forget(listing)

    def _show(self, listing: Listing, event: McpListToolsCompleted | McpListToolsFailed) -> None:
        """How the listing ended; its item may have been deleted, and its id taken, meanwhile."""
        if not listing.shown:
            return
        conversation, out = self._state.conversation, self._state.out
        out.send(event)
        shown = conversation.find(listing.item_id)
        if shown is None or not isinstance(shown.item, McpListToolsItem):
            return
        item = McpListToolsItem(
            id=listing.item_id,
            server_label=listing.server.label,
            tools=allowed_tools(listing.tool, self._state.listed.get(listing.server, ())),
        )
        conversation.put(Entry(item))
        previous = conversation.previous_of(item.id)
        out.send(ConversationItemDone(previous_item_id=previous, item=item))

    def _tell(self, server: ToolServer, error: McpError) -> None:
        """The item cannot say why a listing failed, so an error event does."""
        text = f"The tools of the MCP server '{server.label}' could not be listed: {error.message}"
        detail = ErrorDetail(type="server_error", code="mcp_list_tools_failed", message=text)
        self._state.out.send(Error(error=detail))
