"""How much is done in a pause before it is known whether the turn ends there.

The levels are ordered: each does what those before it do, and one thing more.
"""

from typing import Literal, get_args

Work = Literal["transcribe", "generate", "speak"]
"""Hear the turn so far; draft the text of an answer; have its first clause spoken.

A model that speaks itself makes words and sound in one request, which is `generate`.
"""

Speculation = Literal["off", Work]
"""The last thing that is done in a pause, with all before it."""

Fate = Literal["used", "resumed", "changed", "unanswered", "failed"]
"""What becomes of work on trial: it serves; somebody spoke on; something else is asked now; nothing
is asked at all, as after `input_audio_buffer.clear`; its engine failed."""

Load = Literal["normal", "high", "overload"]
"""How busy the server is."""

LEVELS: tuple[Speculation, ...] = ("off", *get_args(Work))

MOST_UNDER: dict[Load, Speculation] = {"normal": "speak", "high": "transcribe", "overload": "off"}
"""The highest level under load. Drafts go first, as they cost the most and are in vain whenever
somebody speaks on or a setting changes; words that were heard are needed in any case."""


def under(level: Speculation, load: Load) -> Speculation:
    """What load leaves of a level."""
    return min(level, MOST_UNDER[load], key=LEVELS.index)


def includes(level: Speculation, work: Work) -> bool:
    """Whether this work is done at this level."""
    return LEVELS.index(level) >= LEVELS.index(work)
