"""The sessions of a server: opening one, and knowing how many there are."""

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vivavoce.engines.base import HasVoices
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.session_config import (
    RealtimeSession,
    SessionConfig,
    TranscriptionSession,
)
from vivavoce.protocol.voices import Voices
from vivavoce.runtime.clock import Clock
from vivavoce.runtime.concealed import Concealment
from vivavoce.runtime.driver import SessionDriver
from vivavoce.runtime.input_audio import Retention, Tape
from vivavoce.runtime.mcp_client import McpClient
from vivavoce.runtime.pipeline import Pipeline
from vivavoce.runtime.ports import ToolServers
from vivavoce.runtime.rests import Rests
from vivavoce.runtime.trace import Origin, TraceWriter
from vivavoce.session.outputs import Measured
from vivavoce.session.state import Limits

logger = logging.getLogger(__name__)

RandomBits = Callable[[int], int]
"""Gives so many random bits."""


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
    """Opens sessions on a pipeline.

    `chances` is asked for the randomness of each session; with `lockstep` a session reads a
    client's next event when all that follows from the one before has happened.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        policy: SessionPolicy,
        *,
        clock: Clock,
        tool_servers: ToolServers | None = None,
        on_measured: Callable[[Measured], None] | None = None,
        chances: Callable[[], RandomBits] = lambda: secrets.randbits,
        lockstep: Rests | None = None,
    ) -> None:
        self._pipeline = pipeline
        self._policy = policy
        self._clock = clock
        self._tool_servers = tool_servers or McpClient()
        self._on_measured = on_measured
        self._chances = chances
        self._lockstep = lockstep
        self._open: set[SessionDriver] = set()
        self._opening = 0
        """Sessions that wait for their engines; they have their place already."""

    def __len__(self) -> int:
        return len(self._open)

    def defaults(self, model: str, *, transcription: bool) -> SessionConfig:
        """The settings of a new session of whose client nothing else is known."""
        if transcription:
            return TranscriptionSession()
        return RealtimeSession(model=model, instructions=self._policy.instructions)

    def check(self, config: SessionConfig) -> None:
        """Raises `Refusal` for settings that no session could have here, as a `session.update`."""
        if self._voices is not None and isinstance(config, RealtimeSession):
            self._voices.check(config.audio.output.voice, "session.audio.output.voice")

    @property
    def _voices(self) -> Voices | None:
        """The voices of the synthesiser, if it tells."""
        synthesizer = self._pipeline.engines.tts
        return synthesizer.voices if isinstance(synthesizer, HasVoices) else None

    async def open(self, start: SessionConfig, tasks: asyncio.TaskGroup) -> SessionDriver:
        """A session that starts with the settings `start` and whose jobs run in `tasks`.

        Its id and its end are set here. Raises `ModelLoadError` or `TooManySessionsError`.
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
        clock = self._clock.of_session()
        concealment = Concealment()
        origin = self._origin(concealment.session(start), clock)
        driver = SessionDriver(
            origin.session(),
            self._pipeline,
            tasks,
            tape=Tape(origin.config.audio.input.format, retain_s=self._policy.retain_audio_s),
            clock=clock,
            tool_servers=self._tool_servers,
            concealment=concealment,
            trace=self._trace(origin),
            on_measured=self._on_measured,
            lockstep=self._lockstep,
        )
        self._open.add(driver)
        return driver

    def closed(self, driver: SessionDriver) -> None:
        """The last connection of a session is gone: free what it held."""
        driver.close()
        self._open.discard(driver)

    def _origin(self, start: SessionConfig, clock: Clock) -> Origin:
        lifetime_s = self._policy.limits.lifetime_s
        expires_at = 0 if lifetime_s is None else clock.unix() + int(lifetime_s)
        random_bits = self._chances()
        session_id = Ids(random_bits).new("sess")
        config = msgspec.structs.replace(start, id=session_id, expires_at=expires_at)
        return Origin(
            config=config,
            limits=self._policy.limits,
            default_transcription=self._pipeline.engines.stt.name,
            voices=self._voices,
            seed=random_bits(64),
            now=clock.now(),
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
