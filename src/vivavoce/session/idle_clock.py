"""How long nobody has said or done anything: the clock of the idle timeout (protocol 5.15).

It runs from the end of a response, or of its playing where that is later. Whatever the user or
the client does meanwhile restarts it.
"""

from vivavoce.audio.units import SAMPLES_PER_MS
from vivavoce.protocol.session_config import ServerVad
from vivavoce.session.output_audio import Playback


class IdleClock:
    """Since when nothing has happened. It begins to run when the first response has ended.

    Times are seconds of the session's clock, positions samples of its input.
    """

    def __init__(self, playback: Playback) -> None:
        self.appended = 0
        """Where the input ends."""
        self._playback = playback
        self._since: float | None = None
        self._position = 0
        self._given_up = False

    def answered(self, now: float) -> None:
        """A response of the conversation has ended."""
        self._since, self._position = now, self.appended
        self._given_up = False

    def give_up(self) -> None:
        """This silence cannot be answered, however long it lasts."""
        self._given_up = True

    def restart(self, now: float) -> None:
        """The user or the client did something."""
        if self._since is not None:
            self.answered(now)

    def deadline(self, detection: ServerVad) -> float | None:
        """When the silence has lasted for long enough."""
        if self._since is None or self._given_up or detection.idle_timeout_ms is None:
            return None
        return self._quiet_from(self._since) + detection.idle_timeout_ms / 1000

    def silence_from(self, now: float) -> int:
        """Where in the input the silence began: as long ago as it has lasted by the clock, and
        not before the position at which it began to count."""
        if self._since is None:
            return self.appended
        lasted_ms = max(now - self._quiet_from(self._since), 0.0) * 1000
        return max(self.appended - int(lasted_ms * SAMPLES_PER_MS), self._position)

    def _quiet_from(self, since: float) -> float:
        return max(since, self._playback.ends_at)
