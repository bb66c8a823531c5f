"""Which addresses MCP servers may have."""

import asyncio
import socket
import threading

import pytest

from support.mcp_server import dice_server
from vivavoce.protocol.tools import ToolServer
from vivavoce.runtime import addresses
from vivavoce.runtime.addresses import (
    AllowedAddresses,
    ForbiddenAddressError,
    UnknownHostError,
)
from vivavoce.runtime.mcp_client import McpClient

NOT_PUBLIC = (
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2002:101:101::",
    "168.63.129.16",
    "192.0.0.8",
    "192.0.0.9",
    "192.88.99.1",
    "198.18.0.1",
    "240.0.0.1",
    "::127.0.0.1",
    "::1.1.1.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b:1::101:101",
    "fec0::1",
    "fe80::5efe:101:101",
    "2001:4860::5efe:7f00:1",
    "2001:4860::200:5efe:7f00:1",
    "2001::1",
    "2001:20::1",
    "2001:db8::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
)


@pytest.mark.parametrize("address", NOT_PUBLIC)
async def test_what_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(ForbiddenAddressError, match="mcp_private_hosts"):
        await AllowedAddresses().of(address, 80)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
)
async def test_what_is_public_is_allowed(address: str) -> None:
    assert await AllowedAddresses().of(address, 80)


@pytest.mark.parametrize("entry", ["192.168.1.7", "192.168.1.0/24", "192.168.1.7/16", "*"])
async def test_an_entry_allows_addresses(entry: str) -> None:
    assert await AllowedAddresses([entry]).of("192.168.1.7", 80) == ["192.168.1.7"]


async def test_an_entry_allows_no_other_addresses() -> None:
    with pytest.raises(ForbiddenAddressError):
        await AllowedAddresses(["192.168.1.0/24", "fd00::/8"]).of("192.168.2.7", 80)


async def test_an_allowed_network_holds_for_addresses_within_others() -> None:
    assert await AllowedAddresses(["192.168.1.0/24"]).of("::ffff:192.168.1.7", 80)


@pytest.mark.parametrize(
    ("entry", "address"),
    [
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
        ("::ffff:10.0.0.0/104", "10.7.7.7"),
        ("64:ff9b::/96", "64:ff9b::7f00:1"),
        ("64:ff9b::7f00:1", "64:ff9b::7f00:1"),
        ("127.0.0.1", "64:ff9b::7f00:1"),
        ("64:ff9b:1::/48", "64:ff9b:1::7f00:1"),
        ("fec0::/10", "fec0::1"),
        ("::/0", "fd00::1"),
    ],
)
async def test_an_entry_for_ipv6_has_effect(entry: str, address: str) -> None:
    assert await AllowedAddresses([entry]).of(address, 80) == [address]


async def test_an_entry_for_translated_addresses_allows_no_others() -> None:
    with pytest.raises(ForbiddenAddressError):
        await AllowedAddresses(["64:ff9b::/96"]).of("127.0.0.1", 80)


async def test_a_name_is_allowed_however_it_is_written() -> None:
    assert await AllowedAddresses(["LocalHost."]).of("localhost", 80)


async def test_a_name_with_one_private_address_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the log tells the address."""

    async def two_faced(host: str, port: int) -> list[str]:
        return ["1.1.1.1", "10.1.2.3"]

    monkeypatch.setattr(addresses, "resolve", two_faced)
    with pytest.raises(
        ForbiddenAddressError, match=r"'two\.example' is not at a public"
    ) as refused:
        await AllowedAddresses().of("two.example", 80)
    assert "10.1.2.3" not in str(refused.value)
    assert "10.1.2.3" in caplog.text


async def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system knows no `dice.example`: whoever asked it again would not arrive."""

    async def known_here_only(host: str, port: int) -> list[str]:
        assert host == "dice.example"
        return ["127.0.0.1"]

    monkeypatch.setattr(addresses, "resolve", known_here_only)
    client = McpClient(allowed=AllowedAddresses(["dice.example"]))
    async with dice_server(any_host=True) as dice:
        url = dice.url.replace("127.0.0.1", "dice.example")
        server = ToolServer(label="dice", url=url)
        assert await client.call_tool(server, "look", "{}") == "It is a die."
        assert dice.headers[-1]["host"].startswith("dice.example:")


async def test_another_address_is_tried_where_nobody_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def first_is_down(host: str, port: int) -> list[str]:
        return ["127.0.0.2", "127.0.0.1"]

    monkeypatch.setattr(addresses, "resolve", first_is_down)
    client = McpClient(allowed=AllowedAddresses(["dice.example"]))
    async with dice_server(any_host=True) as dice:
        url = dice.url.replace("127.0.0.1", "dice.example")
        assert await client.list_tools(ToolServer(label="dice", url=url))


async def test_slow_names_leave_the_threads_alone_in_which_sessions_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """There are at most 32 of those, and fewer on small machines."""
    answers = threading.Event()

    def slow(*_: object, **__: object) -> list[object]:
        answers.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    async with asyncio.TaskGroup() as tasks:
        for number in range(40):
            tasks.create_task(addresses.resolve(f"slow{number}.example", 80))
        try:
            assert await asyncio.wait_for(asyncio.to_thread(int), 20) == 0
        finally:
            answers.set()


async def test_a_name_that_nobody_knows_is_said_to_be_unknown() -> None:
    with pytest.raises(UnknownHostError):
        await AllowedAddresses(["*"]).of("nobody.invalid", 80)
