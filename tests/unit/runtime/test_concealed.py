"""The credentials of MCP servers, before and behind the edge of the machine."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from vivavoce.protocol.client_events import ResponseCreate, ResponseParams, SessionUpdate
from vivavoce.protocol.errors import Refusal
from vivavoce.protocol.session_config import RealtimeSession, TranscriptionSession, merge
from vivavoce.protocol.tools import McpTool, Tool
from vivavoce.runtime.concealed import Concealment

SECRETS = (b"hush-token", b"hush-header", b"hush-key")
OPEN = McpTool(
    server_label="dice",
    server_url="https://dice.example:8443/hush-key/mcp?key=hush-key",
    authorization="hush-token",
    headers={"X-Key": "hush-header", "X-Empty": ""},
)


def has_secrets(value: Any) -> bool:
    """Whether a credential can be read in it."""
    text = msgspec.json.encode(value)
    return any(secret in text for secret in SECRETS)


def test_a_session_comes_back_whole_where_a_server_is_called() -> None:
    concealment = Concealment()
    session = concealment.session(RealtimeSession(tools=(OPEN, Tool(name="dial"))))
    assert isinstance(session, RealtimeSession)
    assert not has_secrets(session)
    concealed, function = session.tools
    assert function == Tool(name="dial")
    assert isinstance(concealed, McpTool)
    assert concealment.revealed(concealed.server) == OPEN.server


def test_an_update_comes_back_whole_too() -> None:
    concealment = Concealment()
    patch = {"type": "realtime", "tools": [msgspec.to_builtins(OPEN)]}
    event = concealment.event(SessionUpdate(session=patch))
    assert isinstance(event, SessionUpdate)
    assert not has_secrets(event)
    assert patch["tools"][0]["authorization"] == "hush-token", "the client's own is not changed"
    session = merge(RealtimeSession(), event.session)
    assert isinstance(session, RealtimeSession)
    (tool,) = session.tools
    assert isinstance(tool, McpTool)
    assert concealment.revealed(tool.server) == OPEN.server


def test_a_responses_tools_are_concealed() -> None:
    concealment = Concealment()
    event = ResponseCreate(response=ResponseParams(tools=(OPEN,)))
    assert has_secrets(event)
    assert not has_secrets(concealment.event(event))


def test_the_same_server_stays_the_same() -> None:
    concealment = Concealment()
    event = ResponseCreate(response=ResponseParams(tools=(OPEN,)))
    assert concealment.event(event) == concealment.event(event)


def test_two_sessions_conceal_differently() -> None:
    event = ResponseCreate(response=ResponseParams(tools=(OPEN,)))
    assert Concealment().event(event) != Concealment().event(event)


@pytest.mark.parametrize("tools", [None, "none", 1, [1], [{}], [{"headers": {"a": 1}}]])
def test_what_is_no_tool_is_left_to_the_check(tools: Any) -> None:
    event = SessionUpdate(session={"tools": tools})
    assert Concealment().event(event) == event


def refusal(tools: Any) -> tuple[object, ...]:
    """What the check says of these tools."""
    with pytest.raises(Refusal) as refused:
        merge(RealtimeSession(), {"tools": tools})
    detail = refused.value.detail
    return detail.code, detail.message, detail.param


def mcp(**fields: Any) -> dict[str, Any]:
    return {"type": "mcp", "server_label": "a", "server_url": "https://dice.example", **fields}


MALFORMED = [
    mcp(authorization="hush-token"),
    [mcp(authorization={"token": ["hush-token"]})],
    [mcp(Authorization="hush-token")],
    [mcp(api_key="hush-key")],
    [mcp(headers=[["X-Key", "hush-header"]])],
    [mcp(headers="hush-header")],
    [mcp(headers={"X-Key": ["hush-header"]})],
    [mcp(connector_id="hush-key")],
    [mcp(server_url="https://me:hush-key@dice.example/mcp")],
    [mcp(server_url="https://hush-key@dice.example")],
    [mcp(server_url="https://dice.example/hush-key\tx")],
    [mcp(server_url="https://dice.example/hush-key x")],
    [mcp(server_url="https://dice.example\t/hush-key")],
    [mcp(server_url="https:///hush-key")],
    [mcp(server_url="ftp://dice.example/hush-key")],
    [mcp(server_url="dice.example/hush-key")],
    [mcp(server_url=["hush-key"])],
    [[mcp(authorization="hush-token")]],
    {"mcp": mcp(authorization="hush-token")},
    {"type": "function", "name": "dial", "authorization": "hush-token"},
]


@pytest.mark.parametrize("tools", MALFORMED)
def test_a_malformed_tool_is_concealed_and_refused_for_the_same_reason(tools: Any) -> None:
    event = SessionUpdate(session={"tools": tools})
    assert has_secrets(event)
    concealed = Concealment().event(event)
    assert isinstance(concealed, SessionUpdate)
    assert not has_secrets(concealed)
    assert refusal(concealed.session["tools"]) == refusal(tools)


def test_a_key_that_sessions_do_not_have_is_concealed_too() -> None:
    patch = {"type": "realtime", "instructions": "Hush.", "mcp": [{"authorization": "hush-token"}]}
    concealed = Concealment().event(SessionUpdate(session=patch))
    assert isinstance(concealed, SessionUpdate)
    assert not has_secrets(concealed)
    assert concealed.session["instructions"] == "Hush."
    with pytest.raises(Refusal) as refused:
        merge(RealtimeSession(), concealed.session)
    assert refused.value.detail.param == "session.mcp"


def test_the_parameters_of_a_function_are_its_own() -> None:
    schema = {"properties": {"authorization": {"type": "string"}, "headers": {"type": "object"}}}
    tool = {"type": "function", "name": "fetch", "parameters": schema}
    event = SessionUpdate(session={"tools": [tool]})
    assert Concealment().event(event) == event


@pytest.mark.parametrize("wrap", [lambda deep: [deep], lambda deep: {"authorization": deep}])
def test_json_without_end_is_cut_off(wrap: Callable[[Any], Any]) -> None:
    deep: Any = "hush-token"
    for _ in range(900):
        deep = wrap(deep)
    event = Concealment().event(SessionUpdate(session={"tools": deep}))
    assert not has_secrets(event)


@pytest.mark.parametrize("url", ["https://dice.example", "http://127.0.0.1:80/", "http://[::1]/a?"])
def test_a_url_comes_back_whole(url: str) -> None:
    concealment = Concealment()
    (tool,) = concealment.session(RealtimeSession(tools=(mcp_tool(url),))).tools  # type: ignore[union-attr]
    assert isinstance(tool, McpTool)
    assert concealment.revealed(tool.server).url == url
    assert tool.echoed().server_url == mcp_tool(url).echoed().server_url


def mcp_tool(url: str) -> McpTool:
    return McpTool(server_label="dice", server_url=url)


def test_a_session_without_tools_is_itself() -> None:
    assert Concealment().session(TranscriptionSession()) == TranscriptionSession()
    assert Concealment().event(ResponseCreate()) == ResponseCreate()
