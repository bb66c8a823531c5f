"""One child process that works for an engine: the outside of `engines.worker`.

The loop only waits for the socket to a child and sends what does not go at once, so there is no
transport to close, and a child can be started before there is a loop.
"""

import asyncio
import contextlib
import enum
import os
import signal
import socket
import subprocess
import sys

import msgspec

from vivavoce.engines.base import EngineError
from vivavoce.engines.worker import CANCEL, Answer, End, Failed, Part, frame, read_frame

START_S = 60.0
"""Seconds that a child may take to start: a model may have to come from a slow, cold disk."""

PATIENCE_S = 15.0
"""Seconds that a child may take to leave a request that was given up."""

GRACE_S = 1.0
"""Seconds between a child's end being asked for and the next, ruder means."""

LAST_WORDS = 4_000
"""Bytes of a child's standard error that are kept."""

_RECEIVE = 1 << 18


class _State(enum.Enum):
    STARTING = enum.auto()
    READY = enum.auto()
    ANSWERING = enum.auto()
    """The answers to a request are outstanding, wanted or not."""
    BROKEN = enum.auto()


class Child:
    """One child process. Starts it at once; whoever has it must `reap` and then `close` it.

    It runs `module` with these `arguments`, and may take `start_s` seconds to start.
    """

    def __init__(self, name: str, module: str, *arguments: str, start_s: float = START_S) -> None:
        self._name = name
        self._start_s = start_s
        self._answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
        self._received = bytearray()
        self._last_words = b""
        self._state = _State.STARTING
        self._socket, theirs = socket.socketpair()
        with theirs:
            # -P: the working directory must not provide modules. A session of its own: Ctrl-C in
            # a terminal is for the server, which then ends its children in order.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *arguments],
                bufsize=0,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        self._socket.setblocking(False)
        assert self._process.stderr is not None
        self._stderr = self._process.stderr
        os.set_blocking(self._stderr.fileno(), False)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def is_usable(self) -> bool:
        """Whether it runs and can take a request, now or after what it still has to answer."""
        return self._state is not _State.BROKEN and self._process.poll() is None

    @property
    def is_ready(self) -> bool:
        """Whether it would begin with a request at once."""
        return self._state is _State.READY

    def wait_until_ready(self) -> None:
        """Block until it has started, in a thread. Raises `EngineError` if it cannot."""
        self._socket.settimeout(self._patience_s)
        try:
            body = read_frame(self._socket)
        except TimeoutError:
            raise self._too_slow() from None
        finally:
            self._socket.setblocking(False)
        if body is None:
            self.reap()
            raise self._death()
        self._settle(body)

    async def ask(self, message: msgspec.Struct) -> None:
        """Send a request, when everything that is still owed to earlier ones has come.

        Raises `EngineError` when the child is dead, could not start, or does not leave a request
        that was given up.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                while not self.is_ready:
                    self._settle(await self._receive())
        except TimeoutError:
            raise self._too_slow() from None
        # Half a request would spoil the next one: until all of it is sent, there is no way back.
        self._state = _State.BROKEN
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._socket, frame(msgspec.msgpack.encode(message)))
        except (BrokenPipeError, ConnectionResetError):
            await asyncio.to_thread(self.reap)
            raise self._death() from None
        self._state = _State.ANSWERING

    async def reply(self) -> msgspec.Raw | None:
        """Wait for the next reply, encoded; None when the request is done.

        Raises `EngineError` when the worker says that it cannot do it, or dies.
        """
        match self._answers.decode(await self._receive()):
            case Part(reply):
                return reply
            case End():
                self._state = _State.READY
                return None
            case Failed(message):
                self._state = _State.READY
                raise EngineError(message)

    def give_up(self) -> None:
        """Cancel the request under way, if there is one."""
        if self._state is not _State.ANSWERING:
            return
        try:
            self._socket.send(frame(CANCEL))
        except OSError:
            self._state = _State.BROKEN

    def hang_up(self) -> None:
        """Make both sides see the end of the stream; a healthy child then ends by itself."""
        self._state = _State.BROKEN
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def reap(self) -> None:
        """End the process and wait for it, in a thread: three times `GRACE_S` at most."""
        for demand in (self.hang_up, self._process.terminate, self._process.kill):
            demand()
            try:
                self._process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                continue
            return

    def close(self) -> None:
        """Close the files. Nobody may be waiting for a reply any more."""
        self._socket.close()
        self._stderr.close()

    def _settle(self, body: bytes) -> None:
        """Take an answer that nobody waits for."""
        match self._answers.decode(body):
            case Failed(message) if self._state is _State.STARTING:
                self._state = _State.BROKEN
                raise EngineError(message)
            case End() | Failed():
                self._state = _State.READY
            case Part():
                pass

    async def _receive(self) -> bytes:
        """Wait for the next frame. Cancelling it loses nothing."""
        while True:
            end = 4 + int.from_bytes(self._received[:4], "little")
            if len(self._received) >= end:
                body = bytes(self._received[4:end])
                del self._received[:end]
                return body
            try:
                piece = self._socket.recv(_RECEIVE)
            except BlockingIOError:
                await self._readable()
                continue
            except ConnectionResetError:
                piece = b""
            self._listen()
            if not piece:
                await asyncio.to_thread(self.reap)
                raise self._death()
            self._received += piece

    async def _readable(self) -> None:
        """Wait until there is something to read, and leave it there.

        The loop's `sock_recv` would take it, and lose it if the caller is cancelled just then.
        """
        loop, readable = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._socket, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._socket)

    def _listen(self) -> None:
        """Keep the end of what it wrote to standard error."""
        while piece := self._stderr.read(_RECEIVE):
            self._last_words = (self._last_words + piece)[-LAST_WORDS:]

    def _death(self) -> EngineError:
        """Say how it ended. The whole of its last words goes into a note, for the log."""
        self._state = _State.BROKEN
        self._listen()
        text = self._last_words.decode(errors="replace").strip()
        code = self._process.poll() or 0
        how = f"exit code {code}" if code >= 0 else f"{signal.strsignal(-code)}, signal {-code}"
        last = f": {text.splitlines()[-1]}" if text else ""
        error = EngineError(f"the process of {self._name} ended ({how}){last}")
        if text:
            error.add_note(text)
        return error

    @property
    def _patience_s(self) -> float:
        return self._start_s if self._state is _State.STARTING else PATIENCE_S

    def _too_slow(self) -> EngineError:
        doing = "start" if self._state is _State.STARTING else "leave its earlier work"
        seconds, self._state = self._patience_s, _State.BROKEN
        return EngineError(f"the process of {self._name} did not {doing} in {seconds:g} s")
