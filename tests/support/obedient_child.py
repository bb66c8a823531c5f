"""A child process that does as it is told; test_child.py runs it."""

import contextlib
import os
import signal
import sys
import threading

import msgspec

from vivavoce.engines.worker import Caller, Work, WorkError, serve, setup_of


class Order(msgspec.Struct, frozen=True, array_like=True):
    what: str
    number: int = 0


class Count(msgspec.Struct, frozen=True, array_like=True):
    number: int


def prepare() -> Work[Order]:
    if reason := os.environ.get("CHILD_REFUSES_TO_START"):
        raise WorkError(reason)
    if reason := os.environ.get("CHILD_CRASHES_AT_START"):
        raise RuntimeError(reason)
    return obey


def obey(order: Order, caller: Caller) -> None:
    match order.what:
        case "count":
            for number in range(order.number):
                caller.reply(Count(number))
        case "count until I leave":
            number = 0
            while not caller.has_left():
                caller.reply(Count(number))
                number += 1
        case "count, then hang":
            for number in range(order.number):
                caller.reply(Count(number))
            while True:
                signal.pause()
        case "work until I am stopped":
            stopped = threading.Event()
            with caller.leaving(stopped.set):
                caller.reply(Count(0))
                stopped.wait()
        case "work and be done":
            stopped = threading.Event()
            with caller.leaving(stopped.set):
                pass
            caller.reply(Count(int(stopped.is_set())))
        case "say what you were told":
            caller.reply(setup_of(Count))
        case "refuse":
            raise WorkError("not this one")
        case "crash":
            raise RuntimeError("the reason")
        case "shout":
            with contextlib.suppress(BlockingIOError):
                while True:
                    os.write(sys.stderr.fileno(), b"!" * order.number)
            caller.reply(Count(order.number))


if __name__ == "__main__":
    serve(Order, prepare)
