"""TLS in the server itself: wss and https (protocol 1.1)."""

import contextlib
import hashlib
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from openai import AsyncOpenAI

from support.certificate import key_pem, write_certificate
from support.sdk_client import SdkClient
from support.server import LiveServer, serving
from vivavoce import app
from vivavoce.cli.announcement import client_hint
from vivavoce.config import ConfigError, Settings


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A certificate and its key."""
    return write_certificate(tmp_path)


@contextlib.asynccontextmanager
async def trusting(server: LiveServer, certificate: str) -> AsyncIterator[LiveServer]:
    """The same server, for clients that trust this certificate and no other."""
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=certificate))
    async with aiohttp.ClientSession(connector=connector) as http:
        yield LiveServer(server.url, http)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
async def test_a_certificate_from_files_serves_https_and_wss(
    files: tuple[str, str], host: str
) -> None:
    certificate, key = files
    async with (
        serving(tls_cert=certificate, tls_key=key, host=host) as server,
        trusting(server, certificate) as trusted,
    ):
        assert server.url.startswith("https://")
        async with trusted.connect() as client:
            await client.nothing_new()
            assert await trusted.sessions() == 1
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            async with server.connect():
                pass


async def test_the_sdk_of_openai_speaks_wss_to_an_https_url(
    files: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = files
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    async with (
        serving(tls_cert=certificate, tls_key=key) as server,
        AsyncOpenAI(base_url=server.url, api_key="none") as openai,
    ):
        assert (await openai.models.list()).data
        async with openai.realtime.connect(model="x") as connection:
            assert (await SdkClient(connection).next()).type == "session.created"


async def test_a_self_signed_certificate_is_the_one_whose_fingerprint_is_shown() -> None:
    settings = Settings(port=0, tls="self-signed", stt="scripted", tts="scripted")
    async with app.running(settings) as server:
        (notice,) = [text for text in server.notices if "fingerprint" in text]
        # What a client gets is trusted by its fingerprint, and fits the address.
        digest = bytes.fromhex(notice.rsplit(" ", 1)[1].replace(":", ""))
        pinned = aiohttp.Fingerprint(digest)
        async with aiohttp.ClientSession() as http:
            url = f"{server.url}/realtime?model=x"
            async with http.ws_connect(url, ssl=pinned) as socket:
                assert (await socket.receive_json())["type"] == "session.created"
            with pytest.raises(aiohttp.ServerFingerprintMismatch):
                await http.get(server.url, ssl=aiohttp.Fingerprint(hashlib.sha256().digest()))
        assert server.url.startswith("https://127.0.0.1:")
        assert f"wss{server.url.removeprefix('https')}/realtime" in client_hint(server)


async def test_each_start_makes_a_certificate_of_its_own() -> None:
    fingerprints = set()
    for _ in range(2):
        settings = Settings(port=0, tls="self-signed", stt="scripted", tts="scripted")
        async with app.running(settings) as server:
            fingerprints |= {text for text in server.notices if "fingerprint" in text}
    assert len(fingerprints) == 2


async def test_files_that_do_not_fit_are_named(files: tuple[str, str], tmp_path: Path) -> None:
    certificate, _ = files
    other, locked = tmp_path / "other.pem", tmp_path / "locked.pem"
    other.write_bytes(key_pem(ec.generate_private_key(ec.SECP256R1())))
    locked.write_bytes(key_pem(ec.generate_private_key(ec.SECP256R1()), b"secret"))
    for wrong in (str(other), str(locked), certificate, str(tmp_path / "missing.pem")):
        with pytest.raises(ConfigError, match="TLS: cannot use") as caught:
            async with serving(tls_cert=certificate, tls_key=wrong):
                pass
        assert wrong in str(caught.value)
