"""The tools that a response offers to the model: the client's functions, and those of MCP servers.

To the model all tools are functions. A function has the name that its client gave it; a tool of a
server is `label__tool`, with an underscore for every character that chat servers refuse, at most 64
characters long, and a number behind it should that name be taken.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec import UNSET

from vivavoce.protocol.items import McpListedTool
from vivavoce.protocol.tools import (
    AnyTool,
    McpApproval,
    McpFilter,
    McpTool,
    Tool,
    ToolChoiceConfig,
    ToolChoiceFunction,
    ToolChoiceMcp,
    ToolServer,
)

MAX_NAME = 64
"""Characters of a function's name that chat servers take."""

Listed = Mapping[ToolServer, tuple[McpListedTool, ...]]
"""What servers have listed so far."""

ModelChoice = Literal["none", "auto", "required"] | ToolChoiceFunction


@dataclass(frozen=True, slots=True)
class RemoteTool:
    """A tool of an MCP server; one that is not `listed` exists in the model's mind only."""

    server: ToolServer
    name: str
    needs_approval: bool = False
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Offer:
    """What the model may call: `remote` has the tools of servers by the names they have here."""

    tools: tuple[Tool, ...] = ()
    choice: ModelChoice = "auto"
    remote: Mapping[str, RemoteTool] = field(default_factory=dict)
    servers: tuple[ToolServer, ...] = ()

    def remote_tool(self, name: str) -> RemoteTool | None:
        """The server's tool that the model means; None for a function of the client."""
        if name in self.remote:
            return self.remote[name]
        if any(tool.name == name for tool in self.tools):
            return None
        for server in self.servers:
            prefix = model_name(server.label, "")
            if name.startswith(prefix):
                return RemoteTool(server, name.removeprefix(prefix), listed=False)
        return None


def offer_of(
    tools: Iterable[AnyTool], choice: ToolChoiceConfig, listed: Listed, *, may_ask: bool
) -> Offer:
    """The offer that a session's or a response's tools amount to.

    What is not listed yet is not in it. Nor is, unless the response `may_ask` the client, what
    needs approval.
    """
    asked = tuple(tools)
    functions = [tool for tool in asked if isinstance(tool, Tool)]
    servers = [tool for tool in asked if isinstance(tool, McpTool)]
    if isinstance(choice, ToolChoiceMcp):
        functions = []
        servers = [tool for tool in servers if tool.server_label == choice.server_label]
    remote: dict[str, RemoteTool] = {}
    offered = list(functions)
    taken = {tool.name for tool in functions}
    for server, tool in tools_listed(servers, listed):
        needs_approval = approval_needed(server, tool)
        if needs_approval and not may_ask:
            continue
        name = free_name(model_name(server.server_label, tool.name), taken)
        taken.add(name)
        remote[name] = RemoteTool(server.server, tool.name, needs_approval)
        offered.append(as_function(name, server, tool))
    return Offer(
        tuple(offered),
        model_choice(choice, offered, remote),
        remote,
        tuple(tool.server for tool in servers),
    )


def tools_listed(
    servers: Iterable[McpTool], listed: Listed
) -> Iterator[tuple[McpTool, McpListedTool]]:
    """The tools that may be called, each with its server."""
    for server in servers:
        for tool in allowed_tools(server, listed.get(server.server, ())):
            yield server, tool


def model_choice(
    choice: ToolChoiceConfig, offered: Sequence[Tool], remote: Mapping[str, RemoteTool]
) -> ModelChoice:
    """The choice in the model's terms; where nothing is listed yet, there is none."""
    if choice == "required" or (isinstance(choice, ToolChoiceMcp) and not choice.name):
        return "required" if offered else "auto"
    if not isinstance(choice, ToolChoiceMcp):
        return choice
    names = [name for name, tool in remote.items() if tool.name == choice.name]
    return ToolChoiceFunction(name=names[0]) if names else "auto"


# --- names --------------------------------------------------------------------------------------


def model_name(label: str, name: str) -> str:
    """What the model calls a server's tool."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", f"{label}__{name}")[:MAX_NAME]


def free_name(wanted: str, taken: set[str]) -> str:
    """The name, with a number if it is taken."""
    name, number = wanted, 1
    while name in taken:
        number += 1
        ending = f"_{number}"
        name = wanted[: MAX_NAME - len(ending)] + ending
    return name


def as_function(name: str, server: McpTool, tool: McpListedTool) -> Tool:
    """A server's tool as the model sees it."""
    about = " ".join(filter(None, (tool.description, server.server_description or "")))
    return Tool(name=name, description=about or UNSET, parameters=tool.input_schema)


# --- what may be called, and what has to be approved --------------------------------------------


def allowed_tools(server: McpTool, tools: tuple[McpListedTool, ...]) -> tuple[McpListedTool, ...]:
    """The tools that the client lets the model see."""
    allowed = server.allowed_tools
    if isinstance(allowed, tuple):
        allowed = McpFilter(tool_names=allowed)
    if not isinstance(allowed, McpFilter):
        return tools
    return tuple(tool for tool in tools if matches(allowed, tool))


def approval_needed(server: McpTool, tool: McpListedTool) -> bool:
    """Whether the client has to approve a call: always, unless it says that it need not."""
    match server.require_approval:
        case "never":
            return False
        case McpApproval(always=always, never=never):
            exempt = isinstance(never, McpFilter) and selects(never) and matches(never, tool)
            named = isinstance(always, McpFilter) and selects(always) and matches(always, tool)
            return named or not exempt
        case _:
            return True


def selects(rule: McpFilter) -> bool:
    """Whether a filter says anything: an empty one does not lift the need of approval."""
    return bool(rule.tool_names) or isinstance(rule.read_only, bool)


def matches(rule: McpFilter, tool: McpListedTool) -> bool:
    """Whether a tool passes a filter."""
    if isinstance(rule.tool_names, tuple) and tool.name not in rule.tool_names:
        return False
    return not isinstance(rule.read_only, bool) or rule.read_only == tool.only_reads
