"""Recorded speech for the demo, the measurements and the tests, made by scripts/make_speech.py.

The voices are flite's (free to use, a permissive licence): clear enough for every recogniser.
"""

import json
import wave
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

SAMPLE_RATE = 24_000
"""Hertz, of all clips."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A few words, with 300 ms of silence before and after."""

    name: str
    text: str
    """What is said, with punctuation."""
    voice: str
    onset_ms: int
    """When the first word begins, measured from the energy of the clean recording."""
    offset_ms: int
    """When the last word ends."""
    pcm: bytes
    """Mono int16 little-endian samples at 24 kHz."""


def clip_names() -> tuple[str, ...]:
    """Give the names of all clips."""
    return tuple(_descriptions())


def clip(name: str) -> Clip:
    """Read a clip. Raises `KeyError` with the names there are if it is none of them."""
    descriptions = _descriptions()
    if name not in descriptions:
        raise KeyError(f"no clip {name!r}; there are {', '.join(descriptions)}")
    description = descriptions[name]
    with files(__name__).joinpath(f"{name}.wav").open("rb") as file, wave.open(file) as recording:
        pcm = recording.readframes(recording.getnframes())
    return Clip(
        name=name,
        text=description["text"],
        voice=description["voice"],
        onset_ms=description["onset_ms"],
        offset_ms=description["offset_ms"],
        pcm=pcm,
    )


def _descriptions() -> dict[str, Any]:
    descriptions: dict[str, Any] = json.loads(files(__name__).joinpath("speech.json").read_text())
    return descriptions
