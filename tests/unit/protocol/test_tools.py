"""What a session shows of its tools, and which tools it takes."""

from typing import Any

import msgspec
import pytest

from vivavoce.protocol.errors import Refusal
from vivavoce.protocol.tools import (
    MAX_SERVERS,
    McpTool,
    Tool,
    check_tools,
    is_whole_json,
    redacted_url,
    with_known_servers,
)


def server(label: str = "dice", **settings: Any) -> McpTool:
    given = {"server_url": "https://dice.example/mcp", **settings}
    return msgspec.convert({"type": "mcp", "server_label": label, **given}, McpTool)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://dice.example/mcp", "https://dice.example/<redacted>"),
        ("https://dice.example:8443/?key=hush", "https://dice.example:8443/<redacted>"),
        ("http://dice.example/", "http://dice.example/"),
        ("http://dice.example", "http://dice.example"),
    ],
)
def test_only_scheme_and_host_of_a_url_are_shown(url: str, shown: str) -> None:
    assert redacted_url(url) == shown


def test_an_echo_leaves_out_what_opens_a_server_and_nothing_else() -> None:
    tool = server(
        authorization="hush",
        headers={"X-Key": "hush"},
        allowed_tools=["roll"],
        require_approval={"never": {"tool_names": ["roll"]}},
        server_description="For games.",
    )
    assert msgspec.json.decode(msgspec.json.encode(tool.echoed())) == {
        "type": "mcp",
        "server_label": "dice",
        "server_url": "https://dice.example/<redacted>",
        "headers": {"X-Key": "<redacted>"},
        "allowed_tools": ["roll"],
        "require_approval": {"never": {"tool_names": ["roll"]}},
        "server_description": "For games.",
    }


def test_a_label_takes_what_is_known_and_changes_what_is_given() -> None:
    known = server(authorization="hush", require_approval="never")
    short = McpTool(server_label="dice", require_approval="always")
    (tool,) = with_known_servers([short], [Tool(name="dial"), known], "session.tools")
    assert tool == msgspec.structs.replace(known, require_approval="always")


def test_a_url_makes_it_a_server_of_its_own() -> None:
    known = server(authorization="hush")
    (tool,) = with_known_servers([server()], [known], "session.tools")
    assert isinstance(tool, McpTool)
    assert not tool.authorization


def test_headers_in_another_order_are_the_same_server() -> None:
    assert (
        server(headers={"a": "1", "b": "2"}).server == server(headers={"b": "2", "a": "1"}).server
    )


@pytest.mark.parametrize(
    "url",
    ["", "dice.example", "ftp://dice.example", "http://", "http://a:b@c", "http://c:x", "//c"],
)
def test_a_url_that_leads_to_no_server_is_refused(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_tools("session", [server(server_url=url)], "auto")
    assert refused.value.detail.param == "session.tools[0].server_url"


def test_there_are_only_so_many_servers() -> None:
    tools = [server(f"dice{number}") for number in range(MAX_SERVERS + 1)]
    check_tools("session", tools[:-1], "auto")
    with pytest.raises(Refusal, match="at most 32"):
        check_tools("session", tools, "auto")


@pytest.mark.parametrize(
    ("text", "whole"),
    [("{}", True), ('{"a": 1}', True), ('{"a"', False), ("[]", False), ("", False)],
)
def test_arguments_are_whole_once_they_are_an_object(text: str, whole: bool) -> None:
    assert is_whole_json(text) == whole


@pytest.mark.parametrize("name", ["", "bad name!", "räum_auf", "dial\n", "n" * 65])
def test_a_function_has_a_name_that_models_can_call(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"type": "function", "name": name}, Tool)


@pytest.mark.parametrize("name", ["d", "plugin-function", "get_weather2", "n" * 64])
def test_a_plain_name_is_taken(name: str) -> None:
    assert msgspec.convert({"type": "function", "name": name}, Tool).name == name


def test_two_functions_with_one_name_are_refused() -> None:
    with pytest.raises(Refusal) as refused:
        check_tools("session", [Tool(name="dial"), server(), Tool(name="dial")], "auto")
    detail = refused.value.detail
    assert (detail.code, detail.param) == ("invalid_value", "session.tools[2].name")
