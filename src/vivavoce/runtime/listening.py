"""A session's audio on its way from the tape to the voice activity detector, and its scores."""

from collections.abc import Callable

from vivavoce.engines.base import EngineError, VoiceActivityDetector
from vivavoce.runtime.batching import ListeningStream
from vivavoce.runtime.input_audio import Tape
from vivavoce.runtime.pipeline import EngineLease
from vivavoce.session.inputs import AnyInput, EngineFailed, SpeechScored
from vivavoce.session.outputs import Listen


class Listening:
    """What the machine has asked to be scored: one job, or none."""

    def __init__(
        self,
        tape: Tape,
        detector: EngineLease[VoiceActivityDetector],
        report: Callable[[AnyInput], None],
    ) -> None:
        self._tape = tape
        self._detector = detector
        self._report = report
        self._job: int | None = None
        self._stream: ListeningStream | None = None

    def start(self, command: Listen) -> None:
        """Have what comes from a position on scored; nothing else may be at work."""
        assert self._stream is None, "the machine cancels what it listened with before"
        job, scorer = command.job, self._detector.scorer

        def scored(end: int, probability: float) -> None:
            self._report(SpeechScored(job, end, probability))

        def failed(error: EngineError) -> None:
            self.stop(job)
            replaced = self._detector.scorer is not scorer
            self._report(EngineFailed(job, error.code, str(error), replaced))

        self._job, self._stream = job, scorer.open(command.start, scored, failed)
        self._tape.on_audio = self._stream.push
        self._stream.push(self._tape.read(command.start))

    def stop(self, job: int) -> bool:
        """Score no more for a job; False if it is another's."""
        if job != self._job:
            return False
        self.close()
        return True

    def close(self) -> None:
        """Score no more; again does nothing."""
        if self._stream is not None:
            self._tape.on_audio = None
            self._stream.close()
        self._job = self._stream = None

    @property
    def is_behind(self) -> bool:
        """Whether so much audio waits for its scores that no more should be read."""
        return self._stream is not None and self._stream.is_behind

    async def caught_up(self) -> None:
        """Returns when more may be read."""
        if self._stream is not None:
            await self._stream.caught_up()

    async def settled(self) -> None:
        """Returns when all audio that has come is scored."""
        if self._stream is not None:
            await self._stream.settled()
