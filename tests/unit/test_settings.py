"""Settings that cannot be meant are refused when the server starts."""

import pytest

from vivavoce.config import ConfigError, read_settings


@pytest.mark.parametrize(
    "entry",
    [
        "192.168.1.0/33",
        "192.168.1.256",
        "127.1",
        "2130706433",
        "fe80::1::2",
        "fd00::/129",
        "::ffff:300.0.0.1",
        "homeassistant.local:8123",
        "https://homeassistant.local",
        "",
    ],
)
def test_what_is_no_host_and_no_network_is_refused(entry: str) -> None:
    with pytest.raises(ConfigError, match="mcp_private_hosts"):
        read_settings(None, {"mcp_private_hosts": [entry]})


@pytest.mark.parametrize(
    "entry",
    ["*", "homeassistant.local", "mcp-1", "localhost.", "192.168.1.7/24", "fd00::/8", "::1"],
)
def test_a_host_or_a_network_is_taken(entry: str) -> None:
    assert read_settings(None, {"mcp_private_hosts": [entry]}).mcp_private_hosts == (entry,)
