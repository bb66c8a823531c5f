"""What a supervisor and a worker tell each other, over the channel between them."""

import msgspec

from vivavoce.config import Settings
from vivavoce.engines.remote.address import UnixAddress


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag="begin"):
    """To a worker, first of all: what it is to be."""

    worker: int
    """Its number, from 1."""
    settings: Settings
    """Of the server, complete: whatever is drawn at random is the same for all workers."""
    models: Settings
    """What the models are made of: the settings, as they were read last."""
    folder: str
    """Where the sockets lie on which workers listen for each other."""
    engines: UnixAddress | None
    """Where heavy engines are; None if each worker has its own."""
    certificate: bytes | None
    """A self-signed certificate and its key (PEM), where the settings ask for one."""
    log_level: int


class Connection(msgspec.Struct, frozen=True, tag="connection"):
    """To a worker, with a file descriptor: a client has connected."""


class Adopt(msgspec.Struct, frozen=True, tag="adopt"):
    """To a worker: offer the models of these settings, to new sessions."""

    number: int
    models: Settings


class Place(msgspec.Struct, frozen=True, tag="place"):
    """To a worker: whether a place was taken for it. Answers come in the order of the questions."""

    taken: bool


class Count(msgspec.Struct, frozen=True, tag="count"):
    """To a worker: how many places are taken."""

    taken: int


class ReloadEnded(msgspec.Struct, frozen=True, tag="reload_ended"):
    """To the worker that asked for it: what came of a reload. With an `error` nothing did."""

    number: int
    notices: tuple[str, ...] = ()
    error: str | None = None


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """To a worker: close all sessions in order, and end."""


ToWorker = Begin | Connection | Adopt | Place | Count | ReloadEnded | Stop


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """From a worker: it serves. What an operator is told, as `app.Server` has it."""

    summary: str
    notices: tuple[str, ...]
    model: str


class CannotStart(msgspec.Struct, frozen=True, tag="cannot_start"):
    """From a worker, which then ends: what is wrong with the settings."""

    error: str


class Leaving(msgspec.Struct, frozen=True, tag="leaving"):
    """From a worker: it takes no more connections."""


class Disconnected(msgspec.Struct, frozen=True, tag="disconnected"):
    """From a worker: one of its connections has ended."""


class TakePlace(msgspec.Struct, frozen=True, tag="take_place"):
    """From a worker: may there be one session more? A `Place` answers."""


class FreePlace(msgspec.Struct, frozen=True, tag="free_place"):
    """From a worker: there is one session less."""


class CountPlaces(msgspec.Struct, frozen=True, tag="count_places"):
    """From a worker: how many sessions does the server hold? A `Count` answers."""


class Reload(msgspec.Struct, frozen=True, tag="reload"):
    """From a worker: read the configuration anew, for all. `ReloadEnded` answers."""

    number: int


class Adopted(msgspec.Struct, frozen=True, tag="adopted"):
    """From a worker: what came of `Adopt`; with an `error` nothing did."""

    number: int
    error: str | None = None


FromWorker = (
    Ready
    | CannotStart
    | Leaving
    | Disconnected
    | TakePlace
    | FreePlace
    | CountPlaces
    | Reload
    | Adopted
)
