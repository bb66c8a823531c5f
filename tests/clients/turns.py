"""What the programs of the campaign share: what is said, how it sounds, and the report.

Each program drives the server with one client, in an environment that has nothing else, and writes
one line of JSON. `scripts/clients.py` runs them all.
"""

import array
import asyncio
import importlib.metadata
import json
import logging
import math
import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field

RATE = 24_000

PATIENCE_S = 60.0
"""A turn that takes longer than this has failed."""

GREETING = "good morning"
GREETED = "I heard: good morning."
STORY = "a story please"
FORECAST = "the weather in london please"
WEATHER = "It is foggy."
FORECAST_GIVEN = "In London: It is foggy."


def tone(ms: int, rate: int = RATE) -> bytes:
    """A loud tone, which the mock takes for speech: mono int16, `rate` samples per second."""
    samples = range(ms * rate // 1000)
    return array.array(
        "h", (round(8_000 * math.sin(600 * math.pi / rate * number)) for number in samples)
    ).tobytes()


def silence(ms: int, rate: int = RATE) -> bytes:
    """Nothing to hear."""
    return bytes(2 * (ms * rate // 1000))


SPEECH = silence(320) + tone(500)
"""The beginning of a turn."""

PAUSE = silence(4_500)
"""The end of a turn, long enough for `semantic_vad`, which clients ask for by default."""


@dataclass
class Sighting:
    """What a client said of the server's events."""

    unknown: set[str] = field(default_factory=set)
    """Types of events that it has nothing for."""
    complaints: list[str] = field(default_factory=list)
    """Errors that it received or met, and its warnings."""


Turn = Callable[[str, Sighting], Awaitable[None]]
"""A turn on a connection of its own, to the base URL. It raises where it goes wrong."""


@dataclass
class Report:
    """What the line says."""

    client: str
    version: str
    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    unknown: list[str] | None = None
    """None for a client that passes over in silence what it does not know."""
    complaints: list[str] = field(default_factory=list)


class Complaints(logging.Handler):
    """Takes down the warnings and errors of the client's own log."""

    def __init__(self, sighting: Sighting) -> None:
        super().__init__(logging.WARNING)
        self._sighting = sighting

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record down."""
        self._sighting.complaints.append(record.getMessage())


async def take(turns: Mapping[str, Turn], url: str, report: Report) -> None:
    """Take all turns, each whether or not those before it have passed."""
    sighting = Sighting()
    logging.getLogger().addHandler(Complaints(sighting))
    for name, turn in turns.items():
        try:
            async with asyncio.timeout(PATIENCE_S):
                await turn(url, sighting)
        except Exception as error:  # noqa: BLE001 - a client may fail as it likes; the report says how
            traceback.print_exc()
            report.failed[name] = f"{type(error).__name__}: {error}"
        else:
            report.passed.append(name)
    if report.unknown is not None:
        report.unknown = sorted(sighting.unknown)
    report.complaints = sighting.complaints


def run(client: str, package: str, turns: Mapping[str, Turn], *, silent: bool = False) -> None:
    """Take the turns with the server whose base URL the command line gives, and report.

    A `silent` client does not tell which events it has nothing for.
    """
    version = importlib.metadata.version(package)
    report = Report(client, version, unknown=None if silent else [])
    asyncio.run(take(turns, sys.argv[1], report))
    print(json.dumps(asdict(report)))
    sys.exit(bool(report.failed))
