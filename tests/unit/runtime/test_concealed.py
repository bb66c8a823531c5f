"""The credentials of MCP servers, before and behind the edge of the machine."""

from typing import Any

import msgspec
import pytest

from vivavoce.protocol.client_events import ResponseCreate, ResponseParams, SessionUpdate
from vivavoce.protocol.session_config import RealtimeSession, TranscriptionSession, merge
from vivavoce.protocol.tools import McpTool, Tool
from vivavoce.runtime.concealed import Concealment

SECRETS = (b"hush-token", b"hush-header")
OPEN = McpTool(
    server_label="dice",
    server_url="https://dice.example",
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


@pytest.mark.parametrize(
    "tools",
    [None, "none", [1], [{}], [{"authorization": 1, "headers": [1]}], [{"headers": {"a": 1}}]],
)
def test_what_is_no_tool_is_left_to_the_check(tools: Any) -> None:
    event = SessionUpdate(session={"tools": tools})
    assert Concealment().event(event) == event


def test_a_session_without_tools_is_itself() -> None:
    assert Concealment().session(TranscriptionSession()) == TranscriptionSession()
    assert Concealment().event(ResponseCreate()) == ResponseCreate()
