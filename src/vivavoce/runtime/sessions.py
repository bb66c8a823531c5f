"""The sessions of a server: opening one, and knowing how many there are."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from vivavoce.engines.base import HasVoices
from vivavoce.engines.registry import ALL_SLOTS, Slot
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.errors import refuse
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.session_config import (
    RealtimeSession,
    SessionConfig,
    TranscriptionSession,
)
from vivavoce.protocol.voices import Voices
from vivavoce.runtime.catalogue import UnknownModelError, UnsuitableModelError
from vivavoce.runtime.clock import Clock
from vivavoce.runtime.concealed import Concealment
from vivavoce.runtime.driver import SessionDriver
from vivavoce.runtime.input_audio import Retention, Tape
from vivavoce.runtime.mcp_client import McpClient
from vivavoce.runtime.models import Models
from vivavoce.runtime.pipeline import Pipeline
from vivavoce.runtime.places import OwnPlaces, Places
from vivavoce.runtime.ports import ToolServers
from vivavoce.runtime.rests import Rests
from vivavoce.runtime.session_defaults import realtime_session, transcription_session
from vivavoce.runtime.session_watch import SessionWatch
from vivavoce.runtime.trace import Origin, TraceWriter
from vivavoce.session.speculation import Load
from vivavoce.session.state import Limits

logger = logging.getLogger(__name__)

HEARING: tuple[Slot, ...] = ("vad", "stt", "turn", "noise")
"""What a transcription session uses."""

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
    """Opens sessions on the models of a server.

    `chances` is asked for the randomness of each session; with `lockstep` a session reads a
    client's next event when all that follows from the one before has happened. Without `places` it
    has those of the policy for itself. `worker` is the number of this process, where there are
    several.
    """

    def __init__(
        self,
        models: Models,
        policy: SessionPolicy,
        *,
        clock: Clock,
        tool_servers: ToolServers | None = None,
        chances: Callable[[], RandomBits] = lambda: secrets.randbits,
        lockstep: Rests | None = None,
        places: Places | None = None,
        worker: int | None = None,
    ) -> None:
        self._models = models
        self._policy = policy
        self._clock = clock
        self._tool_servers = tool_servers or McpClient()
        self._chances = chances
        self._lockstep = lockstep
        self._places = places or OwnPlaces(policy.max_sessions)
        self._worker = worker
        self._load: Load = "normal"
        self._open: dict[SessionDriver, tuple[Pipeline, SessionWatch]] = {}

    async def count(self) -> int:
        """How many sessions the server holds, those of other workers included."""
        return await self._places.taken()

    @property
    def models(self) -> Models:
        """What there is."""
        return self._models

    def defaults(self, model: str, *, transcription: bool) -> SessionConfig:
        """The settings of a new session of whose client nothing else is known.

        An empty name is a model yet to be named. Raises `Refusal` for one that there is not.
        """
        if transcription:
            abilities = self.abilities(TranscriptionSession())
            return transcription_session(self._models.base, abilities)
        unset = RealtimeSession(model=model, instructions=self._policy.instructions)
        if not model:
            return unset
        abilities = self.abilities(unset)
        plan = self._models.catalogue.resolve(model)
        return realtime_session(model, plan, unset.instructions, abilities)

    def abilities(self, start: SessionConfig) -> HearingAbilities:
        """What the engines of such a session can do. Raises `Refusal`.

        Asked anew for each session, as an engine may be replaced.
        """
        pipeline = self._hold(start)
        try:
            return pipeline.abilities
        finally:
            pipeline.release()

    def check(self, config: SessionConfig) -> None:
        """Raises `Refusal` for settings that no session could have here, as a `session.update`."""
        if not isinstance(config, RealtimeSession) or not config.model:
            return
        pipeline = self._hold(config)
        try:
            voices = voices_of(pipeline)
        finally:
            pipeline.release()
        if voices is not None:
            voices.check(config.audio.output.voice, "session.audio.output.voice")

    async def open(self, start: SessionConfig, tasks: asyncio.TaskGroup) -> SessionDriver:
        """A session that starts with the settings `start` and whose jobs run in `tasks`.

        Its id and its end are set here. Raises `Refusal` for a model that there is not,
        `ModelLoadError` or `TooManySessionsError`.
        """
        if not await self._places.take():
            raise TooManySessionsError(
                f"This server holds at most {self._policy.max_sessions} sessions at a time. "
                "Try again later."
            )
        with contextlib.ExitStack() as failing:
            failing.callback(self._places.free)
            pipeline = self._hold(start)
            failing.callback(pipeline.release)
            await pipeline.load(HEARING if isinstance(start, TranscriptionSession) else ALL_SLOTS)
            watch = SessionWatch(self._models.metrics, pipeline.model)
            driver = self._begin(start, pipeline, tasks, watch)
            failing.pop_all()
        if self._load != "normal":
            driver.load_changed(self._load)
        self._open[driver] = pipeline, watch
        watch.opened()
        return driver

    def load_changed(self, load: Load) -> None:
        """The server is so busy from now on; a session that is opened later knows it too."""
        if load == self._load:
            return
        self._load = load
        for driver in tuple(self._open):
            driver.load_changed(load)

    def closed(self, driver: SessionDriver) -> None:
        """The last connection of a session is gone: free what it held."""
        driver.close()
        held = self._open.pop(driver, None)
        if held is not None:
            pipeline, watch = held
            pipeline.release()
            watch.closed()
            self._places.free()

    def _hold(self, start: SessionConfig) -> Pipeline:
        """The engines of a session, to be released. Raises `Refusal`."""
        try:
            if isinstance(start, TranscriptionSession):
                wanted = start.audio.input.transcription
                return self._models.hold_recognizer("" if wanted is None else wanted.model)
            if not start.model:
                return self._models.hold_recognizer("")
            return self._models.hold(start.model)
        except (UnknownModelError, UnsuitableModelError) as error:
            raise refuse("invalid_model", str(error), "model") from error

    def _begin(
        self,
        start: SessionConfig,
        pipeline: Pipeline,
        tasks: asyncio.TaskGroup,
        watch: SessionWatch,
    ) -> SessionDriver:
        clock = self._clock.of_session()
        concealment = Concealment()
        origin = self._origin(concealment.session(start), pipeline, clock)
        return SessionDriver(
            origin.session(),
            pipeline,
            tasks,
            tape=Tape(origin.config.audio.input.format, retain_s=self._policy.retain_audio_s),
            clock=clock,
            tool_servers=self._tool_servers,
            concealment=concealment,
            trace=self._trace(origin),
            watch=watch,
            lockstep=self._lockstep,
        )

    def _origin(self, start: SessionConfig, pipeline: Pipeline, clock: Clock) -> Origin:
        lifetime_s = self._policy.limits.lifetime_s
        expires_at = 0 if lifetime_s is None else clock.unix() + int(lifetime_s)
        random_bits = self._chances()
        session_id = Ids(random_bits, self._worker).new("sess")
        config = msgspec.structs.replace(start, id=session_id, expires_at=expires_at)
        recognizer = pipeline.stt.engine
        return Origin(
            config=config,
            limits=msgspec.structs.replace(self._policy.limits, **pipeline.limits),
            default_transcription=recognizer.name,
            abilities=pipeline.abilities,
            voices=voices_of(pipeline),
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


def voices_of(pipeline: Pipeline) -> Voices | None:
    """The voices of what speaks, if it tells."""
    voice = pipeline.llm.engine if pipeline.abilities.speaks else pipeline.tts.engine
    return voice.voices if isinstance(voice, HasVoices) else None
