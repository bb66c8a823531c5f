"""What an operator is told of one session: a line in the log for each response, and counts."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from vivavoce.protocol.server_event import BaseServerEvent
from vivavoce.protocol.server_events import Error, InputAudioBufferCommitted, TimeoutTriggered
from vivavoce.runtime.metrics import Metrics
from vivavoce.runtime.waterfall_text import one_line
from vivavoce.session.waterfall import Waterfall

logger = logging.getLogger(__name__)


class SessionWatch:
    """Watches one session of a model, from `opened` to `closed`."""

    def __init__(self, metrics: Metrics, model: str) -> None:
        self._metrics = metrics
        self._model = model
        self._silent = ""
        """The item that an idle timeout makes of silence."""

    def opened(self) -> None:
        """The session begins."""
        self._metrics.sessions_opened.labels(self._model).inc()
        self._metrics.sessions.labels(self._model).inc()

    def closed(self) -> None:
        """The session is over."""
        self._metrics.sessions.labels(self._model).dec()

    def sent(self, event: BaseServerEvent) -> None:
        """An event that is no audio went to the client; few are counted."""
        count = COUNTED.get(type(event))
        if count is not None:
            count(self, event)

    def interrupted(self) -> None:
        """The user cut an answer short by speaking."""
        self._metrics.barge_ins.labels(self._model).inc()

    def speculated(self, kind: str, outcome: str, amount: float) -> None:
        """It is known what became of a job that was begun in a pause, and how much it made: seconds
        of speech, or characters where the `kind` is `generate`."""
        metrics, model = self._metrics, self._model
        metrics.speculative_jobs.labels(model, kind, outcome).inc()
        if kind == "generate":
            metrics.speculative_characters.labels(model, outcome).inc(amount)
        else:
            metrics.speculative_speech.labels(model, kind, outcome).inc(amount)

    def measured(self, waterfall: Waterfall) -> None:
        """A response has ended."""
        if logger.isEnabledFor(logging.INFO):
            logger.info("%s", one_line(waterfall, self._model))
        self._metrics.responses.labels(self._model, waterfall.status).inc()
        self._observe(waterfall)

    def _observe(self, waterfall: Waterfall) -> None:
        """What was there before the answer was due took no time that anybody waited."""
        metrics, due = self._metrics, waterfall.due
        for histogram, since, at in (
            (metrics.end_of_turn, waterfall.last_voiced, waterfall.endpoint),
            (metrics.voice_to_voice, waterfall.last_voiced, waterfall.first_audio),
            (metrics.transcription, due, waterfall.transcript),
            (metrics.first_token, due, waterfall.first_token),
            (metrics.first_audio, due, waterfall.first_audio),
            (metrics.last_audio, due, waterfall.last_audio),
            (metrics.response, due, waterfall.done),
        ):
            if since is not None and at is not None:
                histogram.labels(self._model).observe(max(0.0, at - since))

    def _timed_out(self, event: TimeoutTriggered) -> None:
        self._silent = event.item_id

    def _committed(self, event: InputAudioBufferCommitted) -> None:
        if event.item_id != self._silent:
            self._metrics.turns.labels(self._model).inc()

    def _erred(self, event: Error) -> None:
        self._metrics.error_sent(event.error)


COUNTED: Mapping[type[BaseServerEvent], Callable[[SessionWatch, Any], None]] = {
    TimeoutTriggered: SessionWatch._timed_out,
    InputAudioBufferCommitted: SessionWatch._committed,
    Error: SessionWatch._erred,
}
