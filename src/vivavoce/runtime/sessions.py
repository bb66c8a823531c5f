"""The sessions of a server: opening one, and knowing how many there are."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vivavoce.protocol.ids import Ids
from vivavoce.protocol.session_config import (
    RealtimeSession,
    SessionConfig,
    TranscriptionSession,
)
from vivavoce.runtime.clock import Clock
from vivavoce.runtime.driver import SessionDriver
from vivavoce.runtime.input_audio import Retention, Tape
from vivavoce.runtime.pipeline import Pipeline
from vivavoce.runtime.trace import Origin, TraceWriter
from vivavoce.session.outputs import Measured
from vivavoce.session.state import Limits

logger = logging.getLogger(__name__)


class TooManySessionsError(Exception):
    """The server holds as many sessions as it may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPolicy:
    """What an operator has set for all sessions."""

    limits: Limits
    retain_audio_s: Retention = 60.0
    instructions: str = ""
    max_sessions: int = 1000
    trace_folder: Path | None = None


class Sessions:
    """Opens sessions on a pipeline."""

    def __init__(
        self,
        pipeline: Pipeline,
        policy: SessionPolicy,
        *,
        clock: Clock,
        on_measured: Callable[[Measured], None] | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._policy = policy
        self._clock = clock
        self._on_measured = on_measured
        self._open: set[SessionDriver] = set()
        self._opening = 0
        """Sessions that wait for their engines; they have their place already."""

    def __len__(self) -> int:
        return len(self._open)

    async def open(
        self, model: str, tasks: asyncio.TaskGroup, *, transcription: bool
    ) -> SessionDriver:
        """A session whose jobs run in `tasks`.

        Raises `ModelLoadError` or `TooManySessionsError`.
        """
        if len(self._open) + self._opening >= self._policy.max_sessions:
            raise TooManySessionsError(
                f"This server holds at most {self._policy.max_sessions} sessions at a time. "
                "Try again later."
            )
        self._opening += 1
        try:
            await self._pipeline.load()
        finally:
            self._opening -= 1
        origin = self._origin(model, transcription=transcription)
        driver = SessionDriver(
            origin.session(),
            self._pipeline,
            tasks,
            tape=Tape(origin.config.audio.input.format, retain_s=self._policy.retain_audio_s),
            clock=self._clock,
            trace=self._trace(origin),
            on_measured=self._on_measured,
        )
        self._open.add(driver)
        return driver

    def closed(self, driver: SessionDriver) -> None:
        """The last connection of a session is gone: free what it held."""
        driver.close()
        self._open.discard(driver)

    def _origin(self, model: str, *, transcription: bool) -> Origin:
        lifetime_s = self._policy.limits.lifetime_s
        expires_at = 0 if lifetime_s is None else self._clock.unix() + int(lifetime_s)
        session_id = Ids(secrets.randbits).new("sess")
        config: SessionConfig
        if transcription:
            config = TranscriptionSession(id=session_id, expires_at=expires_at)
        else:
            config = RealtimeSession(
                id=session_id,
                model=model,
                instructions=self._policy.instructions,
                expires_at=expires_at,
            )
        return Origin(
            config=config,
            limits=self._policy.limits,
            default_transcription=self._pipeline.engines.stt.name,
            seed=secrets.randbits(64),
            now=self._clock.now(),
        )

    def _trace(self, origin: Origin) -> TraceWriter | None:
        folder = self._policy.trace_folder
        if folder is None:
            return None
        try:
            return TraceWriter(folder / f"{origin.config.id}.jsonl", origin)
        except OSError as error:
            logger.warning("session %s has no trace: %s", origin.config.id, error)
            return None
