"""The sockets of hosts in the file system: taken if nobody listens, and left to their owners."""

import contextlib
import socket
from pathlib import Path

import pytest

from support.remote_engines import MODEL, TOKEN, catalogue_of, hosted
from vivavoce.engine_host.server import hosting, listening
from vivavoce.engines.base import EngineError
from vivavoce.engines.remote.address import Address, UnixAddress
from vivavoce.engines.remote.named import NamedTurnDetector
from vivavoce.runtime.models import Models

NOTHING = catalogue_of({})


async def is_there(address: Address) -> bool:
    """Whether a host says that it has no engines."""
    remote = NamedTurnDetector(str(address), MODEL, token=TOKEN)
    with pytest.raises(EngineError) as raised:
        await remote.judge(b"")
    await remote.close()
    return raised.value.code == "unknown_engine"


async def test_a_path_at_which_somebody_listens_is_not_taken(tmp_path: Path) -> None:
    async with hosted(NOTHING, tmp_path) as address:
        with pytest.raises(OSError, match="already in use"):
            async with hosted(NOTHING, tmp_path):
                pass
        assert await is_there(address)


async def test_a_path_that_is_left_over_is_taken(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "engines"))
    async with hosted(NOTHING, tmp_path) as address:
        assert await is_there(address)


async def test_at_its_end_a_host_removes_its_own_socket_only(tmp_path: Path) -> None:
    path = tmp_path / "engines"
    async with hosted(NOTHING, tmp_path):
        pass
    assert not path.exists()
    async with hosted(NOTHING, tmp_path):
        path.unlink()
    async with hosted(NOTHING, tmp_path):
        path.unlink()
        path.write_text("of somebody else")
    assert path.exists()


async def test_a_socket_that_was_given_stays_where_it_is(tmp_path: Path) -> None:
    with listening(UnixAddress(str(tmp_path / "engines"))) as listener:
        async with Models(NOTHING) as models, hosting(models, listener.dup()):
            pass
        assert (tmp_path / "engines").exists()


async def test_many_may_wait_for_the_next_process_of_a_socket(tmp_path: Path) -> None:
    where = UnixAddress(str(tmp_path / "engines"))
    with contextlib.ExitStack() as waiting:
        listener = waiting.enter_context(listening(where))
        async with Models(NOTHING) as models, hosting(models, listener.dup()):
            pass
        for _ in range(300):
            user = waiting.enter_context(socket.socket(socket.AF_UNIX))
            user.setblocking(False)
            user.connect(where.path)
