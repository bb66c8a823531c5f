"""A process of its own that hosts engines: it comes back when it dies, and goes with its parent."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import aclosing
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from vivavoce.assembly import assemble
from vivavoce.config import ConfigError, Settings
from vivavoce.engine_process import EngineProcess
from vivavoce.engines.base import EngineError, SpeechSynthesizer, Voice
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.runtime.models import Models
from vivavoce.runtime.pipeline import ModelLoadError
from vivavoce.runtime.remote_engines import with_remote_engines

PATIENCE_S = 60.0
SETTINGS = Settings(vad="scripted", stt="scripted", tts="espeak")
OTHERS = Settings(vad="scripted", stt="scripted", tts={"engine": "espeak", "processes": 1})
MODEL = "vivavoce"


@pytest.fixture(autouse=True)
def _needs_espeak(require_module: Callable[..., ModuleType]) -> None:
    if find_spec("espeakng_loader") is None:  # it is for child processes, and not imported
        require_module("espeakng_loader", reason="pip install espeakng-loader")


@pytest.fixture
def folder() -> Iterator[Path]:
    """Of a short path, as sockets need."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def worker_of(process: EngineProcess, settings: Settings) -> Models:
    """The models of a worker beside this process."""
    return Models(with_remote_engines(assemble(settings), RemoteHost(process.address)))


async def spoken(models: Models, text: str) -> int:
    """How many bytes of speech a text gives."""

    async def work(use: Any) -> int:
        voice: SpeechSynthesizer = use.engine
        async with aclosing(voice.synthesize(text, Voice())) as chunks:
            return sum([len(chunk.audio) async for chunk in chunks])

    async with asyncio.timeout(PATIENCE_S), models.leased_engine("tts", MODEL) as lease:
        return await lease.run(work)


async def test_it_hosts_and_is_started_again_when_it_dies(folder: Path) -> None:
    async with EngineProcess(SETTINGS, folder) as process, worker_of(process, SETTINGS) as models:
        before = await spoken(models, "One, two.")
        first = process.pid
        async with models.leased_engine("tts", MODEL) as lease:
            voice: SpeechSynthesizer = lease.engine
            async with aclosing(voice.synthesize("And so on. " * 2_000, Voice())) as chunks:
                await anext(chunks)
                os.kill(first, signal.SIGKILL)
                with pytest.raises(EngineError, match="ended; it is being started again") as lost:
                    async for _ in chunks:
                        pass
            assert lost.value.code == "engine_unavailable"
            assert await spoken(models, "One, two.") == before
        assert process.pid != first


async def test_it_takes_other_settings_and_refuses_those_that_cannot_be(folder: Path) -> None:
    async with EngineProcess(SETTINGS, folder) as process, worker_of(process, OTHERS) as models:
        with pytest.raises(ModelLoadError, match="has no such engine"):
            await spoken(models, "One.")
        with pytest.raises(ConfigError, match="no_such_option"):
            await process.reload(
                Settings(tts={"engine": "espeak", "no_such_option": 1}),
            )
        await process.reload(OTHERS)
        assert await spoken(models, "One.") > 0


async def test_settings_that_cannot_be_are_refused_at_the_start(folder: Path) -> None:
    with pytest.raises(ConfigError, match="no_such_option"):
        async with EngineProcess(Settings(tts={"engine": "espeak", "no_such_option": 1}), folder):
            pass


PARENT = """
import asyncio, sys
from pathlib import Path
from vivavoce.config import Settings
from vivavoce.engine_process import EngineProcess

async def main():
    settings = Settings(vad="scripted", stt="scripted", tts="scripted")
    async with EngineProcess(settings, Path(sys.argv[1])) as process:
        print(process.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="it needs Linux to see the end")
async def test_it_ends_when_its_parent_is_gone(folder: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(folder)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert parent.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        pid = int(await parent.stdout.readline())
        watched, ended = os.pidfd_open(pid), asyncio.Event()
        asyncio.get_running_loop().add_reader(watched, ended.set)
        try:
            parent.kill()
            await parent.wait()
            await ended.wait()
        finally:
            asyncio.get_running_loop().remove_reader(watched)
            os.close(watched)
