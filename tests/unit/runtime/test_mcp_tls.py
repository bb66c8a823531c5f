"""TLS to MCP servers: the certificate has to be the named host's, whatever its address."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.mcp_server import dice_server
from vivavoce.protocol.items import McpHttpError
from vivavoce.protocol.tools import ToolServer
from vivavoce.runtime import addresses
from vivavoce.runtime.addresses import AllowedAddresses
from vivavoce.runtime.mcp_client import McpClient
from vivavoce.runtime.ports import ToolServerError
from vivavoce.transports.tls import sign

PEM = serialization.Encoding.PEM
ANYWHERE = McpClient(allowed=AllowedAddresses(["*"]))


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """A certificate of dice.example, which this process trusts, and its key. All names are at
    this machine."""

    async def at_this_machine(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    key = ec.generate_private_key(ec.SECP256R1())
    public, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    public.write_bytes(sign(key, ("dice.example",)).public_bytes(PEM))
    private.write_bytes(
        key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(public))
    monkeypatch.setattr(addresses, "resolve", at_this_machine)
    return str(public), str(private)


async def test_the_named_host_is_reached(certificate: tuple[str, str]) -> None:
    async with dice_server(any_host=True, certificate=certificate) as dice:
        url = dice.url.replace("127.0.0.1", "dice.example")
        assert await ANYWHERE.call_tool(ToolServer(label="dice", url=url), "look", "{}")


@pytest.mark.parametrize("host", ["cards.example", "127.0.0.1"])
async def test_another_hosts_certificate_is_refused(
    host: str, certificate: tuple[str, str]
) -> None:
    async with dice_server(any_host=True, certificate=certificate) as dice:
        url = dice.url.replace("127.0.0.1", host)
        with pytest.raises(ToolServerError) as failed:
            await ANYWHERE.list_tools(ToolServer(label="dice", url=url))
        assert isinstance(failed.value.error, McpHttpError)
        assert "certificate" in failed.value.error.message
        assert dice.headers == []
