"""The times of a turn, for people."""

from collections.abc import Mapping

from vivavoce.session.waterfall import Stage, Waterfall

LABELS: Mapping[Stage, str] = {
    "endpoint": "endpoint",
    "transcript": "final transcript",
    "first_token": "first token",
    "voice_ready": "voice ready",
    "first_audio": "first audio",
    "last_audio": "last audio",
    "done": "done",
}


def stages(waterfall: Waterfall) -> list[tuple[str, float]]:
    """What happened, and how many milliseconds after the last voiced sample (or, where nobody
    spoke, after the request), in order of time: a draft has stages before the endpoint."""
    known = [(LABELS[stage], ms) for stage, ms in waterfall.stages_ms()]
    return sorted(known, key=lambda stage: stage[1])


def one_line(waterfall: Waterfall, model: str) -> str:
    """`resp_… assistant completed, drafted in the pause: speech ended 0, final transcript 231, …,
    endpoint 512, first audio 514, …, done 820 ms; first audio 2 ms after the endpoint`."""
    spoken = waterfall.last_voiced is not None
    began = "speech ended 0" if spoken else "asked 0"
    steps = ", ".join(f"{label} {ms:.0f}" for label, ms in stages(waterfall))
    drafted = ", drafted in the pause" if waterfall.drafted else ""
    line = f"{waterfall.response_id} {model} {waterfall.status}{drafted}: {began}, {steps} ms"
    if waterfall.first_audio is None or waterfall.endpoint is None:
        return line
    late_ms = 1000 * (waterfall.first_audio - waterfall.endpoint)
    return f"{line}; first audio {late_ms:.0f} ms after the endpoint"
