"""What is told of an MCP server's errors, and what is not."""

import pytest
from pydantic import TypeAdapter, ValidationError

from vivavoce.protocol.items import McpHttpError, McpProtocolError, McpToolError
from vivavoce.protocol.tools import ToolServer
from vivavoce.runtime.scrubbing import MAX_MESSAGE, scrubbed

SERVER = ToolServer(
    label="dice",
    url="https://dice.example/v1/hush-path-key/mcp?key=hush-query-key",
    authorization="hush-token",
    headers=(("X-Key", "hush-header"), ("X-Kind", "dice")),
)


def told(text: str) -> str:
    return scrubbed(McpToolError(message=text), SERVER).message


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "Redirect to https://me:hush@dice.example:44/hush/mcp?a=b not followed",
            "Redirect to https://dice.example:44 not followed",
        ),
        ("see (http://dice.example/hush)", "see (http://dice.example"),
        ("https://[::1]:80/hush", "https://[::1]:80"),
        ("https:///hush", "https://"),
        ("wss://dice.example\\hush", "wss://dice.example"),
        ("No such dice: 7://3", "No such dice: 7://3"),
    ],
)
def test_of_urls_scheme_and_host_are_told(text: str, shown: str) -> None:
    assert told(text) == shown


def test_what_opens_the_server_is_not_told() -> None:
    text = "no: hush-token, hush-header, /v1/hush-path-key/mcp, key=hush-query-key"
    assert told(text) == ("no: <redacted>, <redacted>, /v1/<redacted>/mcp, key=<redacted>")


def test_ordinary_words_are_left_as_they_are() -> None:
    assert told("The dice of mcp v1 rolled away.") == "The dice of mcp v1 rolled away."


def test_what_did_not_fit_is_not_told() -> None:
    with pytest.raises(ValidationError) as failed:
        TypeAdapter(list[int]).validate_python(["hush"])
    text = told(f"Failed to parse the answer: {failed.value}")
    assert text == "Failed to parse the answer"


def test_many_lines_become_one_of_bounded_length() -> None:
    assert told("1 error\n  tools.0\n\tField required") == "1 error tools.0 Field required"
    assert len(told("x " * 5000)) == MAX_MESSAGE


@pytest.mark.parametrize(
    "error", [McpHttpError(code=502, message=""), McpProtocolError(code=-1, message="No.")]
)
def test_all_else_stays(error: McpHttpError | McpProtocolError) -> None:
    assert scrubbed(error, SERVER) == error
