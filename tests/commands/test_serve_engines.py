"""`vivavoce engines serve`: one machine has the engines, another uses them by name."""

import asyncio
import contextlib
import signal
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from vivavoce.assembly import assemble
from vivavoce.cli import main
from vivavoce.commands import serve_engines
from vivavoce.commands.serve_engines import reachable
from vivavoce.config import ConfigError, Configuration, Settings
from vivavoce.engines.base import Hint, Voice
from vivavoce.engines.remote.address import Address, TcpAddress, UnixAddress
from vivavoce.engines.remote.description import describe
from vivavoce.engines.remote.named import option_text
from vivavoce.engines.stt.sherpa_onnx import SherpaOnnxRecognizer
from vivavoce.reloading import Read
from vivavoce.runtime.catalogue import Catalogue
from vivavoce.runtime.models import Models

PATIENCE_S = 60.0

MODELS = """
models:
  - {name: house-voice, engine: {engine: scripted}, slot: tts}
  - {name: house-ear, engine: {engine: scripted, texts: [It is noon.]}, slot: stt}
"""


@pytest.mark.parametrize(
    ("arguments", "token", "wrong"),
    [
        (["--listen", "tcp://127.0.0.1:0"], None, "set VIVAVOCE_ENGINE_TOKEN to a secret"),
        (["--listen", "localhost:7000"], "secret", "write tcp://host:port or unix:/path"),
        (["--listen", "unix:/no/such/folder/engines"], None, "cannot listen on unix:/no/such"),
        ([], None, "Missing option '--listen'"),
    ],
)
def test_what_cannot_be_served_is_refused(
    arguments: list[str], token: str | None, wrong: str, tmp_path: Path
) -> None:
    config = tmp_path / "vivavoce.yaml"
    config.write_text(MODELS)
    given = ["engines", "serve", "--config", str(config), *arguments]
    done = CliRunner().invoke(main, given, env={"VIVAVOCE_ENGINE_TOKEN": token})
    assert done.exit_code != 0
    assert wrong in " ".join(done.output.split())


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no such signal on Windows")
async def test_a_hangup_while_models_are_brought_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def bring(_settings: Settings) -> None:
        assert signal.getsignal(signal.SIGHUP) is not signal.SIG_DFL
        raise ConfigError("brought")

    def never() -> Configuration:
        raise AssertionError("nothing is reloaded here")

    monkeypatch.setattr(serve_engines, "bring_at_start", bring)
    with pytest.raises(ConfigError, match="brought"):
        await serve_engines.run(Settings(), never, "tcp://127.0.0.1:0", "secret")


async def test_what_a_host_raises_later_is_not_about_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.asynccontextmanager
    async def failing(*_: object) -> AsyncIterator[Address]:
        yield UnixAddress(str(tmp_path / "engines"))
        raise OSError("the disk is full")

    def never() -> Read:
        raise AssertionError("nothing is reloaded here")

    monkeypatch.setattr(serve_engines, "hosting", failing)
    where = UnixAddress(str(tmp_path / "engines"))
    with pytest.raises(OSError, match="the disk is full"):
        async with serve_engines.served(Catalogue(plans={}), asyncio.Event(), never, where, None):
            pass


async def test_a_server_elsewhere_uses_engines_as_it_is_told_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIVAVOCE_ENGINE_TOKEN", "secret")
    config = tmp_path / "vivavoce.yaml"
    config.write_text(MODELS)
    command = ("engines", "serve", "--config", str(config), "--listen", "tcp://127.0.0.1:0")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vivavoce", *command, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            ready = (await process.stdout.readline()).decode()
            told = [(await process.stderr.readline()).decode() for _ in range(2)]
        assert ready.startswith("vivavoce engines ready at tcp://127.0.0.1:")
        settings = Settings(vad="scripted", **yaml.safe_load("".join(told).replace("  ", "")))
        async with (
            Models(assemble(settings)) as models,
            asyncio.timeout(PATIENCE_S),
            models.leased_engine("stt", "vivavoce") as ear,
            models.leased_engine("tts", "vivavoce") as voice,
            aclosing(voice.engine.synthesize("Hello.", Voice())) as chunks,
        ):
            assert all([chunk.audio async for chunk in chunks])
            heard = await ear.engine.recognize(b"", Hint(), lambda _: None)
        assert heard.text == "It is noon."
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0


def test_options_are_told_as_they_differ_from_none() -> None:
    known = describe("stt", SherpaOnnxRecognizer("folder"))
    text = option_text("stt", "tcp://gpu1:7000", "ear", known)
    options = yaml.safe_load(text)["stt"]
    assert options["address"] == "tcp://gpu1:7000"
    assert options["streams"] is True


def test_where_it_listens_everywhere_it_is_told_by_name() -> None:
    assert reachable(TcpAddress("0.0.0.0", 7000)) == TcpAddress(socket.gethostname(), 7000)
    assert reachable(TcpAddress("gpu1", 7000)) == TcpAddress("gpu1", 7000)
