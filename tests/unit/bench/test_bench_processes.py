import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vivavoce.bench.processes import (
    Server,
    UnwatchedError,
    core_wait_s,
    descendants,
    is_here,
    listeners,
    watch,
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's /proc")

LISTEN = """
import socket
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
input()
"""

WORK_IN_A_CHILD = """
import subprocess, sys
work = "import time; sum(range(3_000_000)); print(time.process_time(), flush=True)"
done = subprocess.run([sys.executable, "-c", work], check=True, capture_output=True, text=True)
print(done.stdout, flush=True)
input()
"""

TICK_S = 0.01
"""In which Linux counts the time of ended children."""


@contextmanager
def running(program: str) -> Iterator[tuple[int, str]]:
    """A process, and its first line."""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.pid, process.stdout.readline()
        process.kill()


@linux
def test_who_listens_on_a_port_of_this_machine_is_found() -> None:
    with running(LISTEN) as (pid, port):
        assert listeners(int(port)) == {pid}
        server = watch(f"http://127.0.0.1:{int(port)}/v1", None)
        assert server.processes() == {pid}


@linux
def test_a_server_has_used_time_and_memory() -> None:
    with running(LISTEN) as (pid, _):
        server = watch("https://voice.example/v1", pid)
        assert server.cpu_s() > 0
        kind, size = server.memory()
    assert kind in ("pss", "rss")
    assert 1_000_000 < size < 1_000_000_000


@linux
def test_what_an_ended_child_has_computed_counts() -> None:
    with running(WORK_IN_A_CHILD) as (pid, lines):
        of_the_child_s = float(lines)
        server = Server(frozenset({pid}))
        assert server.processes() == {pid}
        assert server.cpu_s() > of_the_child_s - 2 * TICK_S


@linux
def test_a_server_that_has_ended_is_told() -> None:
    with running(LISTEN) as (pid, _):
        server = watch("http://127.0.0.1:1/v1", pid)
    with pytest.raises(UnwatchedError, match="has ended"):
        server.cpu_s()


@linux
@pytest.mark.parametrize(
    ("url", "pid", "why"),
    [
        ("https://voice.example/v1", None, "another machine"),
        ("http://127.0.0.1:1/v1", None, "port 1 cannot be seen"),
        ("http://127.0.0.1:1/v1", 2**22 + 1, "no process"),
    ],
)
def test_why_a_server_is_not_watched_is_told(url: str, pid: int | None, why: str) -> None:
    with pytest.raises(UnwatchedError, match=why):
        watch(url, pid)


def test_elsewhere_than_on_linux_nothing_is_watched(tmp_path: Path) -> None:
    with pytest.raises(UnwatchedError, match="Linux"):
        watch("http://127.0.0.1:8080/v1", None, tmp_path)


def test_a_listener_is_found_by_its_socket(tmp_path: Path) -> None:
    table = " sl local rem st tx:rx tr:when retrnsmt uid timeout inode"
    rows = [
        " 0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1",
        " 1: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4712 1",
        " 2: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000 0 0 4713 1",
    ]
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text("\n".join([table, *rows]) + "\n")
    for pid, inode in ((10, 4711), (11, 4712), (12, 4713), (13, 4711)):
        folder = tmp_path / str(pid) / "fd"
        folder.mkdir(parents=True)
        (folder / "5").symlink_to(f"socket:[{inode}]")
    assert listeners(8080, tmp_path) == {10, 13}


def test_how_long_this_process_waited_for_a_core_is_the_kernels_word(tmp_path: Path) -> None:
    assert core_wait_s(tmp_path) is None
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "schedstat").write_text("9000000000 1500000000 77\n")
    assert core_wait_s(tmp_path) == 1.5


def test_all_that_descend_from_a_process_belong_to_it() -> None:
    parent_of = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1, 21: 20}
    assert descendants(frozenset({10}), parent_of) == {10, 11, 12}
    assert descendants(frozenset({11, 21}), parent_of) == {11, 12, 21}
    assert descendants(frozenset({99}), parent_of) == frozenset()


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("192.168.1.2", False), ("a", False)],
)
def test_loopback_is_this_machine(host: str, here: bool) -> None:
    assert is_here(host) is here
