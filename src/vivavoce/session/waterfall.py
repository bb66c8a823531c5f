"""The times of one response, in seconds of the session's clock."""

from collections.abc import Iterator
from typing import Literal, get_args

import msgspec

from vivavoce.protocol.server_events import ResponseStatus, TurnMeasured

Stage = Literal[
    "endpoint", "transcript", "first_token", "voice_ready", "first_audio", "last_audio", "done"
]
STAGES: tuple[Stage, ...] = get_args(Stage)


class Waterfall(msgspec.Struct, kw_only=True):
    """When each thing happened; None where it did not.

    What engines give may come before the endpoint, where the answer was drafted in the pause; what
    is sent never does.
    """

    response_id: str
    created: float
    """`response.created` was sent: for a spoken turn at its endpoint, else when a client asked."""
    last_voiced: float | None = None
    """The last voiced sample had arrived: the endpoint less the audio received since."""
    endpoint: float | None = None
    """It was known that the turn has ended."""
    transcript: float | None = None
    """It was known what the user said."""
    first_token: float | None = None
    """The language model gave the first piece of its answer."""
    voice_ready: float | None = None
    """There was the first sound of the answer."""
    first_audio: float | None = None
    """The first sound was handed to the connection, ..."""
    last_audio: float | None = None
    """... and the last."""
    done: float | None = None
    """`response.done` was sent, with this status."""
    status: ResponseStatus = "in_progress"
    drafted: bool = False
    """Whether the answer was begun in the pause before the endpoint."""

    def turn_ended(self, last_voiced: float, endpoint: float) -> None:
        """The response answers a turn that has just ended."""
        self.last_voiced, self.endpoint = last_voiced, endpoint

    @property
    def due(self) -> float:
        """From when on the answer is waited for: the endpoint, or a client's request."""
        return self.created if self.endpoint is None else self.endpoint

    def stages_ms(self) -> Iterator[tuple[Stage, float]]:
        """What happened, and how many milliseconds after the last voiced sample, or after the
        request where nobody spoke. In the order of `STAGES`."""
        origin = self.created if self.last_voiced is None else self.last_voiced
        for stage in STAGES:
            at: float | None = getattr(self, stage)
            if at is not None:
                yield stage, 1000 * (at - origin)


def turn_measured(waterfall: Waterfall, item_id: str | None) -> TurnMeasured:
    """The waterfall for a client, to tenths of a millisecond; `item_id` is of the user's turn."""
    measured = TurnMeasured(
        response_id=waterfall.response_id,
        item_id=item_id,
        status=waterfall.status,
        drafted=waterfall.drafted,
    )
    for stage, ms in waterfall.stages_ms():
        setattr(measured, f"{stage}_ms", round(ms, 1))
    return measured
