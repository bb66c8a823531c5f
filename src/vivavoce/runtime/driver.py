"""The driver: one session's machine in the world.

It is a function, not a task. Whoever has something - a frame, a result, a timer - calls `step` on
the event loop; the machine answers with outputs, which are performed in order, and performing one
never waits. What is caused meanwhile waits in a queue, so that `step` is never re-entered.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from vivavoce.engines.base import EngineError, NoiseReductionStream
from vivavoce.protocol.client_events import (
    ClientEvent,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    InputAudioBufferAppend,
    ResponseCancel,
)
from vivavoce.protocol.errors import ErrorDetail, Refusal
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.server_events import (
    ConversationItemRetrieved,
    Error,
    OutputAudioDelta,
)
from vivavoce.runtime.clock import Clock
from vivavoce.runtime.concealed import Concealment
from vivavoce.runtime.engine_jobs import EngineJobs
from vivavoce.runtime.input_audio import Sound, Tape, decode_base64
from vivavoce.runtime.listening import Listening
from vivavoce.runtime.noise_reduction import NoiseReduction
from vivavoce.runtime.output_audio import OutputAudio
from vivavoce.runtime.pipeline import Pipeline
from vivavoce.runtime.ports import Connection, ToolServers
from vivavoce.runtime.recordings import Recordings
from vivavoce.runtime.rests import Rests
from vivavoce.runtime.retrieval import Retrievals
from vivavoce.runtime.session_watch import SessionWatch
from vivavoce.runtime.tool_jobs import ToolJobs
from vivavoce.runtime.trace import TraceWriter
from vivavoce.session.inputs import (
    AnyInput,
    AudioAppended,
    EventReceived,
    FrameRefused,
    LoadChanged,
    PeerJoined,
    PeerLeft,
    TimerFired,
)
from vivavoce.session.machine import Session
from vivavoce.session.outputs import (
    AnyOutput,
    CallTool,
    Cancel,
    Disconnect,
    DropAudio,
    EndAudio,
    Follow,
    Generate,
    Hear,
    HearClip,
    Interrupted,
    JudgeTurn,
    KeepAudio,
    KeepClip,
    Listen,
    ListTools,
    Measured,
    ReduceNoise,
    Send,
    SendAudio,
    SendRetrieved,
    Speak,
    Speculated,
    TakeFormat,
    TrimAudio,
)
from vivavoce.session.speculation import Load

logger = logging.getLogger(__name__)

LARGE_APPEND = 64 * 1024
"""Characters of base64: a larger append is decoded in a thread."""

AT_ONCE = (ResponseCancel, ConversationItemTruncate, ConversationItemRetrieve)
"""What does not wait until the audio in front of it is scored. All else does, so that turns, and
the order of items, are the same however fast a client sends."""

SERVER_FAULT = 1011


class SessionDriver:
    """Runs one session. Use it inside of a task group, and `close` it at the end."""

    def __init__(
        self,
        session: Session,
        pipeline: Pipeline,
        tasks: asyncio.TaskGroup,
        *,
        tape: Tape,
        clock: Clock,
        tool_servers: ToolServers,
        concealment: Concealment,
        watch: SessionWatch,
        trace: TraceWriter | None = None,
        lockstep: Rests | None = None,
    ) -> None:
        self._session = session
        self._pipeline = pipeline
        self._tape = tape
        self._clock = clock
        self._trace = trace
        self._watch = watch
        self._lockstep = lockstep
        self._concealment = concealment
        tools = ToolJobs(tool_servers, concealment)
        self._jobs = EngineJobs(pipeline, tools, tasks, self.step)
        self._peers: dict[int, Connection] = {}
        self._waiting: deque[AnyInput] = deque()
        self._stepping = False
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._deadline: float | None = None
        """When the timer fires."""
        self._listening = Listening(tape, pipeline.vad, self.step)
        self._output_audio = OutputAudio()
        self._retrievals = Retrievals(tape, tasks)
        self._recordings = Recordings(tape)
        self._model_hears = pipeline.abilities.hears

    # --- what happens ----------------------------------------------------------------------------

    def join(self, peer: int, connection: Connection, *, measured: bool = False) -> None:
        """A connection opened; it may have asked for the times of each response."""
        self._peers[peer] = connection
        self.step(PeerJoined(peer, measured))

    def leave(self, peer: int) -> None:
        """A connection is gone, and with the last one the session."""
        self._peers.pop(peer, None)
        self.step(PeerLeft(peer))

    async def receive(self, peer: int, event: ClientEvent) -> None:
        """A client sent an event; returns when it was handled, and in lockstep when all that
        follows from it has happened too, but for what a scripted engine is told to do later."""
        if isinstance(event, InputAudioBufferAppend):
            if (congested := self.append(peer, event)) is not None:
                await congested
            return
        await self._follow_up(peer, event)
        if self._lockstep is not None:
            await self._settled(self._lockstep)

    def append(self, peer: int, event: InputAudioBufferAppend) -> Awaitable[None] | None:
        """A client sent audio. Gives what to await before it may send more, mostly nothing: this is
        by far the most frequent event, and is handled without a coroutine."""
        if len(event.audio) >= LARGE_APPEND:
            return self._append_large(peer, event)
        try:
            sound = self._decoded(event.audio)
        except Refusal as refusal:
            self._refuse_event(peer, event, refusal)
            return None
        self._add(sound)
        congested = self._listening.is_behind or self._lockstep is not None
        return self._caught_up() if congested else None

    async def _settled(self, rests: Rests) -> None:
        """Returns when all audio is scored, no engine is at work and every answer is sent."""
        while True:
            await self._retrievals.delivered()
            await self._listening.settled()
            if not self._jobs.at_work(rests):
                return
            await self._jobs.some_ended(rests)

    async def _follow_up(self, peer: int, event: ClientEvent) -> None:
        """An event other than audio, behind the answer to an earlier one."""
        await self._retrievals.delivered()
        if not isinstance(event, AT_ONCE):
            await self._listening.settled()
        self.step(EventReceived(peer, self._concealment.event(event)))

    async def _append_large(self, peer: int, event: InputAudioBufferAppend) -> None:
        """More audio than is decoded in passing; returns when the client may send more."""
        try:
            sound = await asyncio.to_thread(self._decoded, event.audio)
        except Refusal as refusal:
            self._refuse_event(peer, event, refusal)
            return
        self._add(sound)
        await self._caught_up()

    def _add(self, sound: Sound) -> None:
        self.step(AudioAppended(self._tape.add(*sound)))
        self._jobs.audio_came()

    async def _caught_up(self) -> None:
        """Returns when more may be read."""
        await self._listening.caught_up()
        if self._lockstep is not None:
            await self._settled(self._lockstep)

    def load_changed(self, load: Load) -> None:
        """The server is so busy from now on; a session begins as if it were not."""
        self.step(LoadChanged(load))

    def refuse(self, peer: int, detail: ErrorDetail) -> None:
        """A client sent what cannot be read."""
        self.step(FrameRefused(peer, detail))

    def _refuse_event(self, peer: int, event: ClientEvent, refusal: Refusal) -> None:
        self.refuse(peer, msgspec.structs.replace(refusal.detail, event_id=event.event_id))

    def _decoded(self, audio: str) -> Sound:
        """The sound of an append."""
        return self._tape.decode(decode_base64(audio))

    def step(self, happened: AnyInput) -> None:
        """Something happened. Performs all that follows from it before it returns, unless a step
        is under way; then that one does."""
        if self._closed:
            return
        if self._stepping:
            self._waiting.append(happened)
            return
        self._stepping = True
        try:
            self._step(happened)
            while self._waiting:
                self._step(self._waiting.popleft())
        except Exception:
            # A mistake of a client is an outcome; this is one of ours. Nobody else may notice.
            logger.exception("the session machine failed; its trace tells how")
            self._fault()
        finally:
            self._stepping = False
        self._set_timer()

    def _step(self, happened: AnyInput) -> None:
        now = self._clock.now()
        try:
            outputs = self._session.receive(happened, now)
        except Exception as error:
            if self._trace is not None:
                self._trace.fault(now, happened, error)
            raise
        if self._trace is not None:
            self._trace.step(now, happened, outputs)
        for output in outputs:
            PERFORM[type(output)](self, output)

    def _set_timer(self) -> None:
        deadline = None if self._closed else self._session.next_deadline()
        if deadline == self._deadline:
            return
        self._deadline = deadline
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if deadline is not None:
            # The loop has a time of its own, which need not be the clock's.
            delay = max(0.0, deadline - self._clock.now())
            self._timer = asyncio.get_running_loop().call_later(delay, self._timer_fired)

    def _timer_fired(self) -> None:
        if self._deadline is not None:
            self._clock.reached(self._deadline)
        self._deadline = self._timer = None
        self.step(TimerFired())

    # --- ends ------------------------------------------------------------------------------------

    def _fault(self) -> None:
        detail = ErrorDetail(
            type="server_error", code="server_error", message="The session failed. Connect again."
        )
        event = Error(event_id=Ids(secrets.randbits).new("event"), error=detail)
        self._watch.sent(event)
        self._deliver(event, None)
        self._disconnect(Disconnect(SERVER_FAULT, "server_error"))
        self.close()

    def close(self) -> None:
        """Free all that the session held."""
        self._closed = True
        self._waiting.clear()
        self._jobs.cancel_all()
        self._retrievals.cancel_all()
        self._listening.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._trace is not None:
            self._trace.close()
            self._trace = None

    # --- outputs ---------------------------------------------------------------------------------

    def _send(self, output: Send) -> None:
        self._watch.sent(output.event)
        self._deliver(output.event, output.to)

    def _deliver(self, event: Any, to: int | None) -> None:
        if to is None:
            for connection in tuple(self._peers.values()):
                connection.send(event)
        elif to in self._peers:
            self._peers[to].send(event)

    def _send_audio(self, output: SendAudio) -> None:
        event = output.event
        assert isinstance(event, OutputAudioDelta)
        self._deliver_audio(self._output_audio.encode(event, output.format))

    def _end_audio(self, output: EndAudio) -> None:
        event = output.event
        assert isinstance(event, OutputAudioDelta)
        if output.cut:
            self._output_audio.drop(event.item_id)
        else:
            self._deliver_audio(self._output_audio.end(event))

    def _deliver_audio(self, event: OutputAudioDelta) -> None:
        if event.delta:
            self._deliver(event, None)

    def _send_retrieved(self, output: SendRetrieved) -> None:
        event = output.event
        assert isinstance(event, ConversationItemRetrieved)
        self._retrievals.start(event, lambda filled: self._deliver(filled, output.to))

    def _disconnect(self, output: Disconnect) -> None:
        for connection in tuple(self._peers.values()):
            connection.close(output.code, output.reason)

    def _take_format(self, output: TakeFormat) -> None:
        self._tape.set_format(output.format)

    def _reduce_noise(self, output: ReduceNoise) -> None:
        lease, kind = self._pipeline.noise, output.kind
        if kind is None:
            self._tape.reduce_noise(None)
            return

        def open_stream() -> NoiseReductionStream:
            if lease is None:  # a client secret was made before a reload took it away
                raise EngineError("the model has no noise reduction any more")
            return lease.engine.open_stream(kind)

        self._tape.reduce_noise(NoiseReduction(open_stream))

    def _judge_turn(self, output: JudgeTurn) -> None:
        self._jobs.judge(output, self._tape)

    def _listen(self, output: Listen) -> None:
        self._listening.start(output)

    def _cancel(self, output: Cancel) -> None:
        if not self._listening.stop(output.job):
            self._jobs.cancel(output.job)

    def _follow(self, output: Follow) -> None:
        self._jobs.follow(output, self._tape)

    def _hear(self, output: Hear) -> None:
        self._jobs.hear(output, self._tape)

    def _hear_clip(self, output: HearClip) -> None:
        self._jobs.hear_clip(output)

    def _generate(self, output: Generate) -> None:
        self._jobs.generate(output, self._recordings)

    def _speak(self, output: Speak) -> None:
        self._jobs.speak(output)

    def _list_tools(self, output: ListTools) -> None:
        self._jobs.list_tools(output)

    def _call_tool(self, output: CallTool) -> None:
        self._jobs.call_tool(output)

    def _keep_audio(self, output: KeepAudio) -> None:
        if self._model_hears and output.clip is not None:
            self._recordings.keep(output.clip)
        self._tape.keep(output.item_id, output.start, output.end)

    def _keep_clip(self, output: KeepClip) -> None:
        if output.of_response:
            self._recordings.lend(output.item_id, output.audio, output.format)
            return
        if self._model_hears:
            self._recordings.keep_clip(output.item_id, output.audio, output.format)
        self._tape.keep_clip(output.item_id, output.audio, output.format)

    def _trim_audio(self, output: TrimAudio) -> None:
        self._tape.trim(output.before)

    def _drop_audio(self, output: DropAudio) -> None:
        self._recordings.drop(output.item_id)
        self._tape.drop(output.item_id)

    def _interrupted(self, _: Interrupted) -> None:
        self._watch.interrupted()

    def _measured(self, output: Measured) -> None:
        self._watch.measured(output.waterfall)

    def _speculated(self, output: Speculated) -> None:
        self._watch.speculated(output.work, output.fate, output.amount)


PERFORM: dict[type[AnyOutput], Callable[[SessionDriver, Any], None]] = {
    Send: SessionDriver._send,
    SendAudio: SessionDriver._send_audio,
    EndAudio: SessionDriver._end_audio,
    SendRetrieved: SessionDriver._send_retrieved,
    Disconnect: SessionDriver._disconnect,
    TakeFormat: SessionDriver._take_format,
    ReduceNoise: SessionDriver._reduce_noise,
    JudgeTurn: SessionDriver._judge_turn,
    Listen: SessionDriver._listen,
    Follow: SessionDriver._follow,
    Hear: SessionDriver._hear,
    HearClip: SessionDriver._hear_clip,
    Generate: SessionDriver._generate,
    Speak: SessionDriver._speak,
    ListTools: SessionDriver._list_tools,
    CallTool: SessionDriver._call_tool,
    Cancel: SessionDriver._cancel,
    KeepAudio: SessionDriver._keep_audio,
    KeepClip: SessionDriver._keep_clip,
    TrimAudio: SessionDriver._trim_audio,
    DropAudio: SessionDriver._drop_audio,
    Interrupted: SessionDriver._interrupted,
    Measured: SessionDriver._measured,
    Speculated: SessionDriver._speculated,
}
