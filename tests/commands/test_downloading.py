"""A download over HTTP, with what can go wrong on the way."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from vivavoce.commands.pull import download
from vivavoce.config import ConfigError
from vivavoce.config.models import DownloadFile

BODY = bytes(range(256)) * 4096


@pytest.fixture
async def server() -> AsyncIterator[str]:
    """Serves `/whole`, breaks off `/half`, and has nothing else."""

    async def whole(_: web.Request) -> web.Response:
        return web.Response(body=BODY)

    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(len(BODY))})
        await response.prepare(request)
        await response.write(BODY[: len(BODY) // 2])
        assert request.transport is not None
        request.transport.abort()
        return response

    app = web.Application()
    app.router.add_get("/whole", whole)
    app.router.add_get("/half", half)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


async def test_a_file_arrives_whole_in_a_folder_of_its_own(server: str, tmp_path: Path) -> None:
    target = tmp_path / "new" / "weights.bin"
    await download(DownloadFile(filename=str(target), uri=f"{server}/whole"))
    assert target.read_bytes() == BODY


@pytest.mark.parametrize(("path", "said"), [("half", "cannot be downloaded"), ("no", "HTTP 404")])
async def test_what_does_not_arrive_leaves_nothing_behind(
    path: str, said: str, server: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=said):
        await download(DownloadFile(filename=str(tmp_path / "x"), uri=f"{server}/{path}"))
    assert os.listdir(tmp_path) == []


async def test_a_name_of_the_hub_is_an_address_of_the_hub(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", server)
    file = DownloadFile(filename=str(tmp_path / "x"), uri="huggingface://owner/name/a/b.gguf")
    with pytest.raises(ConfigError, match=f"{server}/owner/name/resolve/main/a/b.gguf"):
        await download(file)
