"""Which tools a response offers, under which names, and which of them need approval."""

import re
from typing import Any

import msgspec
import pytest

from vivavoce.protocol.items import McpListedTool
from vivavoce.protocol.tools import AnyTool, McpTool, Tool, ToolChoiceConfig, ToolChoiceMcp
from vivavoce.session.tool_offer import (
    Offer,
    allowed_tools,
    approval_needed,
    free_name,
    model_name,
    offer_of,
)

ROLL = McpListedTool(name="roll", description="Rolls a die.", input_schema={"type": "object"})
LOOK = McpListedTool(name="look", annotations={"readOnlyHint": True})


def server(label: str = "dice", **settings: Any) -> McpTool:
    """A server whose calls need no approval unless `settings` say so."""
    given = {"require_approval": "never", "server_url": "https://x.example", **settings}
    return msgspec.convert({"type": "mcp", "server_label": label, **given}, McpTool)


def offered(*tools: AnyTool, lists: tuple[McpListedTool, ...] = (ROLL, LOOK)) -> Offer:
    """What is offered where each server lists `lists`."""
    listed = {tool.server: lists for tool in tools if isinstance(tool, McpTool)}
    return offer_of(tools, "auto", listed, may_ask=True)


def names(offer: Offer) -> list[str]:
    return [tool.name for tool in offer.tools]


def test_functions_keep_their_names_and_servers_tools_have_their_label() -> None:
    offer = offered(Tool(name="roll"), server())
    assert names(offer) == ["roll", "dice__roll", "dice__look"]
    assert offer.remote_tool("roll") is None
    meant = offer.remote_tool("dice__roll")
    assert meant is not None
    assert (meant.server.label, meant.name) == ("dice", "roll")


def test_a_tool_has_the_words_of_its_server_too() -> None:
    (tool, _) = offered(server(server_description="For games.")).tools
    assert tool.description == "Rolls a die. For games."
    assert tool.parameters == {"type": "object"}


def test_names_are_unique_and_such_as_chat_servers_take() -> None:
    lists = tuple(McpListedTool(name=name) for name in ("a.b", "a_b", "a b", "x" * 90, "x" * 91))
    offer = offered(Tool(name="dice__a_b"), server(), lists=lists)
    found = names(offer)
    assert found[:4] == ["dice__a_b", "dice__a_b_2", "dice__a_b_3", "dice__a_b_4"]
    assert len(set(found)) == len(found)
    assert all(re.fullmatch("[a-zA-Z0-9_-]{1,64}", name) for name in found)
    meant = offer.remote_tool(found[-1])
    assert meant is not None
    assert meant.name == "x" * 91


def test_a_taken_name_gets_a_number() -> None:
    assert free_name("a", {"a", "a_2"}) == "a_3"
    assert model_name("dice", "roll/it") == "dice__roll_it"


def test_a_name_under_a_servers_label_that_is_not_listed_is_known_as_such() -> None:
    meant = offered(server()).remote_tool("dice__fly")
    assert meant is not None
    assert not meant.listed
    assert offered(server()).remote_tool("cards__deal") is None


@pytest.mark.parametrize(
    ("allowed", "left"),
    [
        (None, ["roll", "look"]),
        ([], []),
        (["look", "fly"], ["look"]),
        ({}, ["roll", "look"]),
        ({"tool_names": ["roll"]}, ["roll"]),
        ({"read_only": True}, ["look"]),
        ({"read_only": False}, ["roll"]),
        ({"read_only": True, "tool_names": ["roll"]}, []),
    ],
)
def test_a_client_may_allow_some_tools_only(allowed: Any, left: list[str]) -> None:
    tools = allowed_tools(server(allowed_tools=allowed), (ROLL, LOOK))
    assert [tool.name for tool in tools] == left


@pytest.mark.parametrize(
    ("rule", "needing"),
    [
        ("never", []),
        ("always", ["roll", "look"]),
        (None, ["roll", "look"]),
        ({"never": {"read_only": True}}, ["roll"]),
        ({"never": {"tool_names": ["roll"]}}, ["look"]),
        ({"never": {"tool_names": ["roll", "look"]}, "always": {"tool_names": ["look"]}}, ["look"]),
        ({"always": {"tool_names": ["look"]}}, ["roll", "look"]),
        ({"never": {"tool_names": []}}, ["roll", "look"]),
    ],
)
def test_calls_need_approval_unless_the_rule_exempts_them(rule: Any, needing: list[str]) -> None:
    named = server(require_approval=rule)
    assert [tool.name for tool in (ROLL, LOOK) if approval_needed(named, tool)] == needing


@pytest.mark.parametrize(
    "choice",
    ["required", ToolChoiceMcp(server_label="dice"), ToolChoiceMcp(server_label="dice", name="a")],
)
def test_nothing_is_required_before_anything_is_listed(choice: ToolChoiceConfig) -> None:
    offer = offer_of([server()], choice, {}, may_ask=True)
    assert (offer.tools, offer.choice) == ((), "auto")
