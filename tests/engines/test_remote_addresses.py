"""Addresses of engines, as people write them."""

import pytest

from vivavoce.engines.remote.address import TcpAddress, UnixAddress, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/run/vivavoce/engines", UnixAddress("/run/vivavoce/engines")),
        ("tcp://gpu1:7000", TcpAddress("gpu1", 7000)),
        ("tcp://10.0.0.7:7000", TcpAddress("10.0.0.7", 7000)),
        ("tcp://[fd00::7]:7000", TcpAddress("fd00::7", 7000)),
    ],
)
def test_an_address_is_read_and_shown_alike(text: str, address: UnixAddress | TcpAddress) -> None:
    assert parse_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gpu1:7000",
        "tcp://gpu1",
        "tcp://gpu1:70000",
        "tcp://:7000",
        "unix:engines",
        "http://a:1",
    ],
)
def test_what_is_no_address_is_told_what_would_be_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"write tcp://host:port or unix:/path"):
        parse_address(text)
