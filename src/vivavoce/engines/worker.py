"""The inside of an engine's child process: requests come in, replies go out, one at a time.

Libraries that hold the interpreter's lock, keep global state, or carry another licence run in a
process of their own. Such a process is a module that ends in a call of `serve`; its outside is
`engines.child_process`, in the pools of `engines.child`. This module imports as little as it
can: it decides how fast a child starts.

Both sides talk over one stream socket, which is the child's standard input. A frame is four
bytes of length (little-endian) and a body. To the child, a body is one request in MessagePack,
or empty, which cancels the request being worked on. From the child come `Part`s and then `End`
or `Failed`, once when it is ready for work and once for each request, cancelled ones too.
"""

import os
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec


class Part(msgspec.Struct, frozen=True, array_like=True, tag="part"):
    """One of the replies to a request, encoded."""

    reply: msgspec.Raw


class End(msgspec.Struct, frozen=True, array_like=True, tag="end"):
    """The request is done, or was cancelled; or the child has just become ready."""


class Failed(msgspec.Struct, frozen=True, array_like=True, tag="failed"):
    """The request could not be done. The child lives on, unless it was still starting."""

    message: str


Answer = Part | End | Failed

Request = TypeVar("Request")

CANCEL = b""
"""The body that asks the child to leave the request it is working on."""


class WorkError(Exception):
    """Raised in a child: this request cannot be done. The text becomes an `EngineError`."""


def frame(body: bytes) -> bytes:
    """Put the length in front of `body`."""
    return len(body).to_bytes(4, "little") + body


def read_frame(link: socket.socket) -> bytes | None:
    """Block until a frame is there and return its body; None when the other side is gone."""
    head = _read_exactly(link, 4)
    return None if head is None else _read_exactly(link, int.from_bytes(head, "little"))


def _read_exactly(link: socket.socket, size: int) -> bytes | None:
    received = bytearray()
    while len(received) < size:
        piece = link.recv(size - len(received))
        if not piece:
            return None
        received += piece
    return bytes(received)


Setup = TypeVar("Setup", bound=msgspec.Struct)


def encoded_setup(setup: msgspec.Struct) -> str:
    """What a child needs to know from its start, as an argument of its command line."""
    return msgspec.json.encode(setup).decode()


def setup_of(setup_type: type[Setup]) -> Setup:
    """What this child was told at its start."""
    return msgspec.json.decode(sys.argv[1], type=setup_type)


class Caller:
    """The one who asked, as a worker sees it."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link

    def reply(self, reply: msgspec.Struct) -> None:
        """Send one of the replies. Blocks while the other side is not reading."""
        self.answer(Part(msgspec.Raw(msgspec.msgpack.encode(reply))))

    def answer(self, answer: Answer) -> None:
        """Send a frame of the protocol; workers themselves only `reply`."""
        self._link.sendall(frame(msgspec.msgpack.encode(answer)))

    def has_left(self) -> bool:
        """Whether this request is no longer wanted; cheap enough to ask before every block.

        One request is under way at a time, so whatever comes in now is its cancellation, or
        the end of the stream. It is left unread, and the answer stays the same.
        """
        readable, _, _ = select.select([self._link], [], [], 0)
        return bool(readable)

    @contextmanager
    def leaving(self, stop: Callable[[], None]) -> Iterator[None]:
        """Within the block, `stop` is called in a thread as soon as the caller has left.

        For work that cannot look by itself, in libraries that let another thread end it.
        """
        over, tell_over = socket.socketpair()

        def watch() -> None:
            readable, _, _ = select.select([self._link, over], [], [])
            if over not in readable:
                stop()

        watcher = threading.Thread(target=watch, name="leaving")
        with over, tell_over:
            watcher.start()
            try:
                yield
            finally:
                tell_over.shutdown(socket.SHUT_WR)
                watcher.join()


Work = Callable[[Request, Caller], None]


def serve(request_type: type[Request], prepare: Callable[[], Work[Request]]) -> None:
    """Be a child process: prepare once, then do requests until the other side is gone.

    `prepare` loads what the work needs and returns the work: a function that sends its replies
    to the caller, looks now and then whether the caller `has_left`, and raises `WorkError` for a
    request that it cannot do. Any other exception ends the process.
    """
    # What does not fit into the pipe of an outside that is not reading is lost, not waited for.
    os.set_blocking(sys.stderr.fileno(), False)
    with socket.socket(fileno=sys.stdin.fileno()) as link:
        try:
            _serve(link, msgspec.msgpack.Decoder(request_type), prepare)
        except (BrokenPipeError, ConnectionResetError):
            return  # The other side is gone in the middle of a reply.


def _serve(
    link: socket.socket,
    requests: msgspec.msgpack.Decoder[Request],
    prepare: Callable[[], Work[Request]],
) -> None:
    caller = Caller(link)
    try:
        work = prepare()
    except WorkError as error:
        caller.answer(Failed(str(error)))
        return
    caller.answer(End())
    while (body := read_frame(link)) is not None:
        if body == CANCEL:
            continue  # It crossed the end of its request on the way.
        try:
            work(requests.decode(body), caller)
        except WorkError as error:
            caller.answer(Failed(str(error)))
        else:
            caller.answer(End())
