"""What is logged, whoever runs the server and however loudly."""

import logging

import aiohttp
import pytest

from support.server import LiveServer, serving
from vivavoce.mock.server import MockOptions, mocking
from vivavoce.transports.foreign_logs import LEVELS

KEY = ("openai-insecure-api-key.sk-hush",)


@pytest.fixture(autouse=True)
def all_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """As in a process that has not run a server yet and wants to know everything."""
    for name in LEVELS:
        logging.getLogger(name).setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG)


async def test_a_key_in_a_subprotocol_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as server, server.connect(protocols=KEY):
        pass
    assert "sk-hush" not in caplog.text


async def test_the_mock_does_not_log_a_key_either(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        mocking(MockOptions()) as server,
        aiohttp.ClientSession() as http,
        LiveServer(server.url, http).connect(protocols=KEY),
    ):
        pass
    assert "sk-hush" not in caplog.text
