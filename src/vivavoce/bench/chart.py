"""The figures as a picture: lag over callers, and the waterfall of a turn.

Plain SVG that brings its background; its colours follow `prefers-color-scheme`. Style rules name
elements, so that none fills a line.
"""

import itertools
from collections.abc import Callable, Sequence
from html import escape

from vivavoce.bench.connection import RESPONSE_DONE
from vivavoce.bench.figures import Answering, Ramp, Report, Stage, lag_of
from vivavoce.bench.report import BEHIND, NAMES

WIDTH, HEIGHT = 720, 320
"""Of one panel, in pixels."""

LEFT, RIGHT, TOP, BOTTOM = 64, 24, 56, 48
"""What a panel keeps free around its drawing."""

BAR, ROW = 14, 30
"""Of the waterfall: how high a bar is, and from one to the next."""

MARK = 14
"""Between the marks of lags off the scale, from its edge."""

NAMED, LEAST_WIDTH = 180, 2
"""Where the waterfall begins, right of its names, and the width of what took no time."""

STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #1f2328 }
  text.title { font-size: 15px; font-weight: 600 }
  text.soft { fill: #656d76 }
  rect.back { fill: #ffffff }
  line.grid { stroke: #d8dee4 }
  line.target { stroke: #cf222e; stroke-dasharray: 5 4 }
  polyline { fill: none; stroke-width: 2 }
  polyline.p50 { stroke: #0969da }
  polyline.p99 { stroke: #bc4c00 }
  circle.p50, rect.p50, text.p50 { fill: #0969da }
  circle.p99, rect.p99, text.p99 { fill: #bc4c00 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    text.soft { fill: #9198a1 }
    rect.back { fill: #0d1117 }
    line.grid { stroke: #30363d }
    line.target { stroke: #ff7b72 }
    polyline.p50 { stroke: #58a6ff }
    polyline.p99 { stroke: #f0883e }
    circle.p50, rect.p50, text.p50 { fill: #58a6ff }
    circle.p99, rect.p99, text.p99 { fill: #f0883e }
  }
"""

Scale = Callable[[float], float]


def chart(report: Report) -> str | None:
    """An SVG with a panel for each of the ramp and the answers; None if there is neither."""
    panels = []
    if report.ramp is not None:
        panels.append(ramp_panel(report.ramp))
    if report.answering is not None and report.answering.waterfall:
        panels.append(waterfall_panel(report.answering, report.silence_ms))
    if not panels:
        return None
    height = HEIGHT * len(panels)
    placed = [
        f'<g transform="translate(0 {HEIGHT * number})">{"".join(panel)}</g>'
        for number, panel in enumerate(panels)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img">\n<style>{STYLE}</style>\n'
        '<rect class="back" width="100%" height="100%"/>\n' + "\n".join(placed) + "\n</svg>\n"
    )


def ramp_panel(ramp: Ramp) -> list[str]:
    """Median and 99th percentile of the lag over callers, on scales that begin at 0."""
    runs = sorted(ramp.runs, key=lambda run: run.callers)
    lags = [(run.callers, lag) for run in runs if (lag := lag_of(run, ramp.lag_behind)) is not None]
    most_callers = max((callers for callers, _ in lags), default=1)
    # A run far beyond the target would flatten all the others.
    most_ms = max((lag.p99 for _, lag in lags), default=0.0) * 1.1
    most_ms = min(most_ms, 3 * ramp.lag_target_ms)
    most_ms = max(most_ms, 1.2 * ramp.lag_target_ms)
    across = scale(most_callers, LEFT, WIDTH - RIGHT)
    up = scale(most_ms, HEIGHT - BOTTOM, TOP)
    drawn = [
        text(LEFT, 22, f"speech_stopped behind {BEHIND[ramp.lag_behind]}", "title"),
        text(LEFT, 40, f"{ramp.callers} callers within {ramp.lag_target_ms:g} ms", "soft"),
        *rules(most_ms, up),
        line_across("target", up(ramp.lag_target_ms)),
        text(WIDTH - RIGHT, HEIGHT - 10, "callers", "soft", "end"),
    ]
    drawn += [
        text(across(callers), HEIGHT - BOTTOM + 18, str(callers), "soft", "middle")
        for callers in spaced([callers for callers, _ in lags], across)
    ]
    drawn += curve("p50", [(across(callers), lag.p50) for callers, lag in lags], most_ms, up)
    drawn += curve("p99", [(across(callers), lag.p99) for callers, lag in lags], most_ms, up)
    return drawn + legend()


def curve(kind: str, lags: Sequence[tuple[float, float]], most_ms: float, up: Scale) -> list[str]:
    """A line through lags (x, milliseconds); those off the scale stand at its edge, with a mark."""
    points = [(x, up(min(max(ms, 0.0), most_ms)), ms) for x, ms in lags]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    drawn = [f'<polyline class="{kind}" points="{path}"/>']
    below = MARK if kind == "p50" else 2 * MARK  # both may be off the scale
    for x, y, ms in points:
        drawn.append(
            f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3">'
            f"<title>{ms:g} ms</title></circle>"
        )
        if ms > most_ms:
            drawn.append(text(x - 6, y + below, f"↑ {ms:.0f} ms", kind, "end"))
        elif ms < 0:
            drawn.append(text(x - 6, y - below + MARK / 2, f"↓ {ms:.0f} ms", kind, "end"))
    return drawn


def waterfall_panel(answering: Answering, silence_ms: int) -> list[str]:
    """For each event a bar from the median of the one before to its own, thin up to its p99.

    The end of the answer is left out: it may be so late that all else would be one line.
    """
    shown = [stage for stage in answering.waterfall if stage.event != RESPONSE_DONE]
    stages = sorted(shown, key=lambda stage: stage.after_ms.p50)
    most_ms = max([silence_ms, *(stage.after_ms.p99 for stage in stages)])
    across = scale(most_ms, NAMED, WIDTH - RIGHT - 60)
    end, bottom = across(silence_ms), TOP + 24 + ROW * len(stages)
    drawn = [
        text(LEFT, 22, "A turn, behind the last voiced sample", "title"),
        text(LEFT, 40, f"{answering.answered} answers to {answering.callers} callers", "soft"),
        f'<line class="target" x1="{end:.1f}" x2="{end:.1f}" y1="{TOP}" y2="{bottom}"/>',
        text(end, bottom + 16, f"endpoint, {silence_ms} ms", "soft", "middle"),
    ]
    begin_ms = 0.0
    for number, stage in enumerate(stages):
        drawn += bar(stage, begin_ms, TOP + 12 + ROW * number, across)
        begin_ms = max(stage.after_ms.p50, 0.0)
    return drawn + legend()


def bar(stage: Stage, begin_ms: float, y: float, across: Scale) -> list[str]:
    """A row of the waterfall."""
    begin, median, far = (
        across(max(ms, 0.0)) for ms in (begin_ms, stage.after_ms.p50, stage.after_ms.p99)
    )
    width = max(median - begin, LEAST_WIDTH)
    return [
        text(NAMED - 10, y + 11, NAMES[stage.event], "", "end"),
        f'<rect class="p50" x="{begin:.1f}" y="{y}" width="{width:.1f}" height="{BAR}"/>',
        f'<rect class="p99" x="{median:.1f}" y="{y + BAR / 2 - 1}" width="{far - median:.1f}" '
        f'height="2"/>',
        text(far + 8, y + 11, f"{stage.after_ms.p50:.0f} ms", "soft"),
    ]


def scale(most: float, begin: float, end: float) -> Scale:
    """Map 0 to `begin` and `most` to `end`."""
    return lambda value: begin + (end - begin) * value / most


def rules(most_ms: float, up: Scale) -> list[str]:
    """About five lines across, with their milliseconds."""
    round_steps = (digit * 10**power for power in itertools.count() for digit in (1, 2, 5))
    step = next(step for step in round_steps if most_ms / step <= 6)
    marks = [step * number for number in range(int(most_ms / step) + 1)]
    return [line_across("grid", up(ms)) for ms in marks] + [
        text(LEFT - 8, up(ms) + 4, f"{ms:g} ms", "soft", "end") for ms in marks
    ]


def line_across(kind: str, y: float) -> str:
    """A line over the whole width of a panel's drawing."""
    return f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def spaced(numbers: Sequence[int], across: Scale) -> list[int]:
    """Those of rising numbers that have room under the axis, the largest first."""
    kept: list[int] = []
    for number in reversed(numbers):
        if not kept or across(kept[-1]) - across(number) > 30:
            kept.append(number)
    return kept


def legend() -> list[str]:
    """Which colour is which."""
    return [
        text(WIDTH - RIGHT - 90, 22, "median", "p50"),
        text(WIDTH - RIGHT, 22, "p99", "p99", "end"),
    ]


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """A line of text."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
