"""The server's processes, watched from beside: what they have computed and what they hold.

Linux only: `/proc`, and the CPU clock of a process, which counts in nanoseconds where
/proc/PID/stat counts in hundredths of a second.
"""

import contextlib
import ipaddress
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from yarl import URL

PROC = Path("/proc")
_LISTENING = "0A"
_SCHEDULED = 2
"""CPUCLOCK_SCHED: user and system time of all threads."""
_TICKS_S = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class UnwatchedError(Exception):
    """The server's processes cannot be watched; the text says why."""


@dataclass(frozen=True, slots=True)
class Server:
    """Some processes and all that descend from them, at every moment."""

    roots: frozenset[int]
    proc: Path = PROC

    def processes(self) -> frozenset[int]:
        """Those that are alive now."""
        return descendants(self.roots, parents(self.proc))

    def cpu_s(self) -> float:
        """User and system time so far, in seconds, of processes that have ended too.

        Raises `UnwatchedError` if none is left.
        """
        alive = self.processes()
        if not alive:
            raise UnwatchedError("the server's process has ended")
        return sum(_cpu_s(pid) + _ended_children_s(self.proc, pid) for pid in alive)

    def memory(self) -> tuple[str, int]:
        """`pss` or `rss`, and the bytes. Raises `UnwatchedError` if neither can be read."""
        alive = self.processes()
        for kind, name in (("pss", "smaps_rollup"), ("rss", "status")):
            try:
                kib = sum(_kib(self.proc / str(pid) / name, kind) for pid in alive)
            except PermissionError:
                continue
            if kib:  # not every kernel has both files
                return kind, 1024 * kib
        raise UnwatchedError("the server's memory cannot be read: it belongs to another user")


def watch(url: str, pid: int | None, proc: Path = PROC) -> Server:
    """The server at a URL: the process `pid`, or else whoever listens there on this machine.

    Raises `UnwatchedError` where that cannot be found out.
    """
    if not (proc / "net").is_dir():
        raise UnwatchedError("processes can be watched on Linux only")
    if pid is not None:
        if not (proc / str(pid)).is_dir():
            raise UnwatchedError(f"there is no process {pid}")
        return Server(frozenset({pid}), proc)
    address = URL(url)
    if not is_here(address.host or ""):
        raise UnwatchedError("the server may be on another machine; if it is here, give its --pid")
    found = listeners(address.port or 0, proc)
    if not found:
        raise UnwatchedError(
            f"who listens on port {address.port} cannot be seen: another user, or a container; "
            "give its --pid"
        )
    if os.getpid() in found:
        raise UnwatchedError("the server runs in the process of its client")
    return Server(found, proc)


def is_here(host: str) -> bool:
    """Whether a host is this machine's loopback."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def core_wait_s(proc: Path = PROC) -> float | None:
    """How long this process has been ready to run without a core, in seconds, its main thread.

    None where the kernel does not tell.
    """
    try:
        _, waited_ns, _ = (proc / "self" / "schedstat").read_text().split()
    except FileNotFoundError:
        return None
    return int(waited_ns) / 1e9


def listeners(port: int, proc: Path = PROC) -> frozenset[int]:
    """The processes that listen on a TCP port of this machine, as far as they can be seen."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port, proc)}
    return frozenset(pid for pid in _pids(proc) if not sockets.isdisjoint(_open_files(proc, pid)))


def _listening_inodes(port: int, proc: Path) -> Iterable[str]:
    for name in ("tcp", "tcp6"):
        table = proc / "net" / name
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            _, local, _, state, *others = line.split()
            if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                yield others[5]


def _pids(proc: Path) -> Iterable[int]:
    return (int(folder.name) for folder in proc.iterdir() if folder.name.isdecimal())


def _open_files(proc: Path, pid: int) -> set[str]:
    """What a process has open; nothing of one that has just ended or belongs to another user."""
    found = set()
    with contextlib.suppress(OSError):
        for link in (proc / str(pid) / "fd").iterdir():
            found.add(os.readlink(link))
    return found


def parents(proc: Path = PROC) -> dict[int, int]:
    """The parent of each process."""
    found = {}
    for pid in _pids(proc):
        if fields := _stat(proc, pid):
            found[pid] = int(fields[1])
    return found


def descendants(roots: frozenset[int], parent_of: dict[int, int]) -> frozenset[int]:
    """The roots that are alive, and all below them."""
    children: dict[int, list[int]] = {}
    for pid, parent in parent_of.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = [pid for pid in roots if pid in parent_of]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.add(pid)
            waiting += children.get(pid, ())
    return frozenset(found)


def _stat(proc: Path, pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name, of which the state is the first."""
    try:
        return (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has just ended
        return []


def _cpu_s(pid: int) -> float:
    """What a process has computed; 0 for one that has just ended.

    The number of its clock is the kernel's, as clock_getcpuclockid(3) gives it.
    """
    try:
        return time.clock_gettime((~pid << 3) | _SCHEDULED)
    except OSError:
        return 0.0


def _ended_children_s(proc: Path, pid: int) -> float:
    """What its children had computed that have ended since it began."""
    fields = _stat(proc, pid)
    return (int(fields[13]) + int(fields[14])) / _TICKS_S if fields else 0.0


def _kib(file: Path, kind: str) -> int:
    """A line `Pss: 123 kB` or `VmRSS: 123 kB`; 0 of a process that has just ended."""
    wanted = {"pss": "Pss:", "rss": "VmRSS:"}[kind]
    try:
        lines = file.read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(wanted)), 0)
