"""The tools that a model may call, and what may be said about them (protocol 2.6).

A function is run by the client, a tool of a remote MCP server by this server. Of an MCP server the
credentials are never shown: `McpTool.echoed` leaves them out.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import UNSET, Meta, UnsetType

from vivavoce.protocol.errors import Refusal, missing_parameter, refuse, unsupported
from vivavoce.protocol.http_targets import check_headers, check_url

REDACTED = "<redacted>"
"""Stands in an echo for what may hold a secret."""

FunctionName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_-]+\Z", max_length=64)]
"""What chat servers take as the name of a function."""

ServerLabel = Annotated[str, Meta(pattern=r"^[a-zA-Z][a-zA-Z0-9_-]*$", max_length=64)]


MAX_SERVERS = 32
"""MCP servers of one session or response."""


class ToolConfig(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"
):
    """A tool, or the choice of one."""


class Tool(ToolConfig, frozen=True, kw_only=True, tag="function"):
    """A function that the client runs. `parameters` is a JSON schema."""

    name: FunctionName
    description: str | UnsetType = UNSET
    parameters: dict[str, Any] | UnsetType = UNSET


class McpFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some tools of a server: those with these names, and those that only read, or do not.

    A server says of a tool that it only reads with the annotation `readOnlyHint`.
    """

    tool_names: tuple[str, ...] | None | UnsetType = UNSET
    read_only: bool | None | UnsetType = UNSET


class McpApproval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tools whose calls the client has to approve, and those that run without."""

    always: McpFilter | None | UnsetType = UNSET
    never: McpFilter | None | UnsetType = UNSET


class ToolServer(msgspec.Struct, frozen=True, kw_only=True):
    """An MCP server as it is reached: two equal ones have the same tools."""

    label: str
    url: str
    authorization: str | None = None
    """The OAuth token for the header `Authorization: Bearer`."""
    headers: tuple[tuple[str, str], ...] = ()


class McpTool(ToolConfig, frozen=True, kw_only=True, tag="mcp"):
    """A remote MCP server whose tools the model may call.

    `defer_loading` and `allowed_callers` are about tool search and programs, which there are not.
    """

    server_label: ServerLabel
    server_url: str | None | UnsetType = UNSET
    connector_id: str | None | UnsetType = UNSET
    tunnel_id: str | None | UnsetType = UNSET
    authorization: str | None | UnsetType = UNSET
    headers: dict[str, str] | None | UnsetType = UNSET
    allowed_tools: tuple[str, ...] | McpFilter | None | UnsetType = UNSET
    require_approval: Literal["always", "never"] | McpApproval | None | UnsetType = UNSET
    server_description: str | None | UnsetType = UNSET
    defer_loading: bool | None | UnsetType = UNSET
    allowed_callers: tuple[Literal["direct", "programmatic"], ...] | None | UnsetType = UNSET

    @property
    def server(self) -> ToolServer:
        """How the server is reached."""
        return ToolServer(
            label=self.server_label,
            url=self.server_url or "",
            authorization=self.authorization or None,
            headers=tuple(sorted((self.headers or {}).items())),
        )

    def echoed(self) -> "McpTool":
        """As sessions show it: whoever may read a session need not know what opens the server.

        Paths and queries of URLs are hidden too, because some servers have their keys there.
        """
        return msgspec.structs.replace(
            self,
            server_url=redacted_url(self.server_url or ""),
            authorization=UNSET,
            headers=dict.fromkeys(self.headers, REDACTED) if self.headers else self.headers,
        )


AnyTool = Tool | McpTool


class ToolChoiceFunction(ToolConfig, frozen=True, kw_only=True, tag="function"):
    """The model must call this function."""

    name: str


class ToolChoiceMcp(ToolConfig, frozen=True, kw_only=True, tag="mcp"):
    """The model must call a tool of this server, or the one that is named."""

    server_label: str
    name: str | None | UnsetType = UNSET


ToolChoiceConfig = Literal["none", "auto", "required"] | ToolChoiceFunction | ToolChoiceMcp


def is_whole_json(arguments: str) -> bool:
    """Whether a call's arguments are all there: they are a JSON object."""
    try:
        return isinstance(msgspec.json.decode(arguments), dict)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False


def redacted_url(url: str) -> str:
    """Scheme and host of a URL, and whether there is more."""
    parts = urlsplit(url)
    rest = f"/{REDACTED}" if parts.path.strip("/") or parts.query else parts.path
    return f"{parts.scheme}://{parts.netloc}{rest}"


def echoed_tools(tools: Iterable[AnyTool]) -> tuple[AnyTool, ...]:
    """The tools as sessions show them."""
    return tuple(tool.echoed() if isinstance(tool, McpTool) else tool for tool in tools)


def with_known_servers(
    tools: Iterable[AnyTool], known: Iterable[AnyTool], path: str
) -> tuple[AnyTool, ...]:
    """The tools, with what is known of servers that are referred to by their label only.

    Raises `Refusal` for a label that nobody knows; `path` is where the tools stand.
    """
    servers = {tool.server_label: tool for tool in known if isinstance(tool, McpTool)}
    return tuple(
        with_known_server(tool, servers.get(tool.server_label), f"{path}[{index}]")
        if isinstance(tool, McpTool)
        else tool
        for index, tool in enumerate(tools)
    )


def with_known_server(tool: McpTool, known: McpTool | None, path: str) -> McpTool:
    """The tool with the fields that it leaves to the `known` one of the same label."""
    if tool.server_url or tool.connector_id or tool.tunnel_id:
        return tool
    if known is None:
        raise missing_parameter(f"{path}.server_url")
    given = {name: getattr(tool, name) for name in tool.__struct_fields__}
    return msgspec.structs.replace(known, **{k: v for k, v in given.items() if v is not UNSET})


# --- what is refused ----------------------------------------------------------------------------


def check_tools(path: str, tools: Sequence[AnyTool], choice: ToolChoiceConfig) -> None:
    """Raises `Refusal` for tools that contradict each other, or a choice that they do not allow.

    `path` is where `tools` and `tool_choice` stand: `session` or `response`.
    """
    labels: set[str] = set()
    names: set[str] = set()
    for index, tool in enumerate(tools):
        where = f"{path}.tools[{index}]"
        if isinstance(tool, Tool):
            if tool.name in names:
                raise duplicate_name(tool.name, f"{where}.name")
            names.add(tool.name)
            continue
        if tool.server_label in labels:
            raise duplicate_label(tool.server_label, f"{where}.server_label")
        labels.add(tool.server_label)
        if len(labels) > MAX_SERVERS:
            text = f"Invalid '{where}': at most {MAX_SERVERS} MCP servers are allowed."
            raise refuse("invalid_value", text, where)
        check_server(tool, where)
    match choice:
        case "required" if not tools:
            raise tool_choice_refused(path, "'required' needs at least one tool.")
        case ToolChoiceFunction(name=name):
            if name not in names:
                raise tool_choice_refused(path, f"there is no tool named '{name}'.")
        case ToolChoiceMcp(server_label=label) if label not in labels:
            raise tool_choice_refused(path, f"there is no MCP server labelled '{label}'.")


def check_server(tool: McpTool, path: str) -> None:
    """One MCP server of a list; `path` is where it stands."""
    for field in ("connector_id", "tunnel_id"):
        if getattr(tool, field):
            raise unsupported(
                f"{path}.{field}", "it names a service of OpenAI's. Give a 'server_url'."
            )
    check_url(tool.server_url or "", f"{path}.server_url")
    check_headers(tool.headers or (), f"{path}.headers")
    if tool.authorization and "authorization" in map(str.lower, tool.headers or {}):
        text = f"Invalid '{path}': give 'authorization' or a header 'Authorization', not both."
        raise refuse("invalid_value", text, f"{path}.authorization")
    if tool.allowed_callers and "direct" not in tool.allowed_callers:
        raise unsupported(f"{path}.allowed_callers", "only the model calls tools here: 'direct'.")


def duplicate_name(name: str, path: str) -> Refusal:
    """Two functions with one name: the model could call only one of them."""
    text = f"Duplicate function name found: '{name}'. Please provide unique names."
    return refuse("invalid_value", text, path)


def duplicate_label(label: str, path: str) -> Refusal:
    """Two servers under one name."""
    text = f"Duplicate MCP server_label found: '{label}'. Please provide unique labels."
    return refuse("invalid_value", text, path)


def tool_choice_refused(path: str, reason: str) -> Refusal:
    """A `tool_choice` that the tools at hand cannot satisfy."""
    return refuse("invalid_value", f"Invalid tool choice: {reason}", f"{path}.tool_choice")
