"""The times of a turn, for people."""

from vivavoce.session.waterfall import Waterfall

STAGES = (
    ("endpoint", "endpoint"),
    ("transcript", "final transcript"),
    ("first_token", "first token"),
    ("first_audio", "first audio"),
    ("last_audio", "last audio"),
    ("done", "done"),
)


def stages(waterfall: Waterfall) -> list[tuple[str, float]]:
    """What happened, and how many milliseconds after the last voiced sample (or, where nobody
    spoke, after the first thing that is known)."""
    times = [(label, getattr(waterfall, name)) for name, label in STAGES]
    known = [(label, at) for label, at in times if at is not None]
    if not known:
        return []
    origin = waterfall.last_voiced if waterfall.last_voiced is not None else known[0][1]
    return [(label, 1000 * (at - origin)) for label, at in known]


def one_line(waterfall: Waterfall) -> str:
    """`turn resp_...: endpoint +500 ms, first token +512 ms, ...`."""
    steps = ", ".join(f"{label} +{ms:.0f} ms" for label, ms in stages(waterfall))
    return f"turn {waterfall.response_id}: {steps}"
