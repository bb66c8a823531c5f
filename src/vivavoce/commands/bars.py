"""A waterfall as a picture in text: each stage a bar that begins where the one before ended."""

from collections.abc import Sequence

WIDTH = 44
"""Characters of the longest picture."""

Stages = Sequence[tuple[str, float]]
"""What happened, and how many milliseconds after the origin."""


def waterfall(stages: Stages) -> list[str]:
    """The picture's lines, in order of time.

    A stage that happened before the origin (a transcript made in a pause) has no bar.
    """
    if not stages:
        return []
    ordered = sorted(stages, key=lambda stage: stage[1])
    label_width = max(len(label) for label, _ in ordered)
    scale = WIDTH / max(ordered[-1][1], 1.0)
    lines, reached = [], 0
    for label, ms in ordered:
        end = max(round(ms * scale), reached)
        bar = " " * reached + ("█" * (end - reached) or "▏")
        lines.append(f"{label:<{label_width}}  {bar:<{WIDTH + 1}} {ms:6.0f} ms")
        reached = end
    return lines
