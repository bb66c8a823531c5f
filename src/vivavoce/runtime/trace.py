"""Traces: every step of a session as a line of JSON, and how to run one again.

The first line holds what the session was made from; every other line one step: when, what
happened, what was to be done. Ids come from the seed, so a replay gives the same outputs byte for
byte: a bug report is a file, and a regression test is that file.
"""

import contextlib
import logging
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.session_config import SessionConfig
from vivavoce.protocol.voices import Voices
from vivavoce.session.inputs import AnyInput
from vivavoce.session.machine import Session
from vivavoce.session.outputs import AnyOutput
from vivavoce.session.state import Limits

logger = logging.getLogger(__name__)


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a session was made from."""

    config: SessionConfig
    limits: Limits
    default_transcription: str
    abilities: HearingAbilities
    voices: Voices | None = None
    seed: int
    now: float

    def session(self) -> Session:
        """The session as it was at its start."""
        return Session(
            self.config,
            ids=Ids(random.Random(self.seed).getrandbits),
            limits=self.limits,
            default_transcription=self.default_transcription,
            abilities=self.abilities,
            voices=self.voices,
            now=self.now,
        )


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call of `receive`."""

    now: float
    happened: AnyInput
    outputs: tuple[AnyOutput, ...]
    fault: str | None = None
    """What the machine raised instead of giving outputs; such a step is the last one."""


class TraceWriter:
    """Writes one session's steps to a file.

    A session does not depend on its trace: one that cannot be written on ends, and the log says
    so. Raises `OSError` when the file cannot be made.
    """

    def __init__(self, path: Path, origin: Origin) -> None:
        self._file: IO[bytes] = open(path, "wb", opener=privately)  # noqa: SIM115 - has `close`
        self._encoder = msgspec.json.Encoder()
        self._line(origin)

    def step(self, now: float, happened: AnyInput, outputs: tuple[AnyOutput, ...]) -> None:
        """Write a step."""
        self._line(Step(now=now, happened=happened, outputs=outputs))

    def fault(self, now: float, happened: AnyInput, error: Exception) -> None:
        """Write the input that made the machine raise."""
        self._line(Step(now=now, happened=happened, outputs=(), fault=in_a_line(error)))

    def close(self) -> None:
        """The session is over."""
        with self._ends_if_unwritable():
            self._file.close()

    def _line(self, value: Origin | Step) -> None:
        if not self._file.closed:
            with self._ends_if_unwritable():
                self._file.write(self._encoder.encode(value) + b"\n")

    @contextlib.contextmanager
    def _ends_if_unwritable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            logger.warning("the trace %s ends here: %s", self._file.name, error.strerror)
            with contextlib.suppress(OSError):  # It tries once more to write what is left.
                self._file.close()


def privately(path: str, flags: int) -> int:
    """Open a file that is for its owner only: a trace has what was said."""
    return os.open(path, flags, 0o600)


def in_a_line(error: Exception) -> str:
    """`KeyError: 'x'`: an exception's type and text."""
    return f"{type(error).__name__}: {error}"


class ReplayError(Exception):
    """A replay did something else than the trace says, or came to where the machine fails."""


def replay(path: Path) -> Iterator[Step]:
    """Run a trace again, step by step.

    Raises `ReplayError` at the first difference, and at the input that the machine failed at;
    what it raises there is the cause.
    """
    encoder = msgspec.json.Encoder()
    with path.open("rb") as lines:
        session = msgspec.json.decode(next(lines), type=Origin).session()
        for number, line in enumerate(lines, start=2):
            step = msgspec.json.decode(line, type=Step)
            try:
                outputs = session.receive(step.happened, step.now)
            except Exception as error:
                raise ReplayError(
                    f"{path}, line {number}: the session fails here: {in_a_line(error)}"
                ) from error
            if step.fault is not None:
                raise ReplayError(
                    f"{path}, line {number}: the session failed here when it was recorded "
                    f"({step.fault}), and does not now."
                )
            if encoder.encode(outputs) != encoder.encode(step.outputs):
                raise ReplayError(
                    f"{path}, line {number}: expected {encoder.encode(step.outputs)!r}, "
                    f"got {encoder.encode(outputs)!r}"
                )
            yield step
