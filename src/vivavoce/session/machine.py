"""The session machine: everything that happens is an input, everything to do an output.

`Session.receive(input, now)` is the only entry. It is synchronous, touches nothing outside, and
gives one ordered sequence of outputs; the same inputs, ids and times give the same outputs. A
mistake of a client is an `error` event; an exception is a bug of ours.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.client_events import (
    ClientEvent,
    ConversationItemCreate,
    ConversationItemDelete,
    ConversationItemRetrieve,
    ConversationItemTruncate,
    InputAudioBufferClear,
    InputAudioBufferCommit,
    ResponseCancel,
    ResponseCreate,
    ResponseParams,
    SessionUpdate,
)
from vivavoce.protocol.errors import ErrorDetail, Refusal, duplicate_item, refuse
from vivavoce.protocol.ids import Ids
from vivavoce.protocol.items import McpApprovalResponseItem
from vivavoce.protocol.server_events import (
    ConversationItemAdded,
    ConversationItemDeleted,
    ConversationItemDone,
    ConversationItemRetrieved,
    ConversationItemTruncated,
    Error,
    SessionCreated,
    SessionUpdated,
)
from vivavoce.protocol.session_config import (
    RealtimeSession,
    SessionConfig,
    TranscriptionSession,
    merge,
)
from vivavoce.protocol.voices import Voices, voice_name
from vivavoce.session import barge_in
from vivavoce.session.deferral import Deferred
from vivavoce.session.draft import DraftResult
from vivavoce.session.idle_timeout import IdleTimeout
from vivavoce.session.input_audio_buffer import InputAudioBuffer
from vivavoce.session.inputs import (
    AnyInput,
    AudioAppended,
    AudioGenerated,
    AudioSynthesized,
    EngineFailed,
    EventReceived,
    FrameRefused,
    GenerationFinished,
    LoadChanged,
    PeerJoined,
    PeerLeft,
    SpeechFinished,
    SpeechScored,
    TextGenerated,
    TimerFired,
    ToolCallGenerated,
    ToolReturned,
    ToolServerFailed,
    ToolsListed,
    Transcribed,
    TranscriptDelta,
    TurnJudged,
    tool_server_failed,
)
from vivavoce.session.item_creation import check_call, check_item, entry_of, without_audio
from vivavoce.session.noise_reduction import NoiseReductionSetting
from vivavoce.session.outputs import (
    AnyOutput,
    Disconnect,
    KeepClip,
    SendRetrieved,
    TakeFormat,
)
from vivavoce.session.responses import Responses
from vivavoce.session.state import Limits, State
from vivavoce.session.tool_calls import ToolCalls
from vivavoce.session.tool_listings import Listings
from vivavoce.session.transcription import Hearings

EXPIRED = "Your session hit the maximum duration of {minutes:g} minutes."


class Session:
    """One session, as a value that changes only in `receive`."""

    def __init__(
        self,
        config: SessionConfig,
        *,
        ids: Ids,
        limits: Limits | None = None,
        default_transcription: str = "default",
        abilities: HearingAbilities | None = None,
        voices: Voices | None = None,
        now: float = 0.0,
    ) -> None:
        """`config` holds id, model and defaults; `abilities` are its engines'.

        Without `voices` a client may name any. `now` is the start, in seconds, monotonic.
        """
        limits = limits or Limits()
        self._state = State(
            config,
            ids=ids,
            limits=limits,
            default_transcription=default_transcription,
            abilities=abilities or HearingAbilities(),
            voices=voices,
            now=now,
        )
        self._hearings = Hearings(self._state)
        self._listings = Listings(self._state)
        self._calls = ToolCalls(self._state)
        self._responses = Responses(self._state, self._listings, self._calls)
        self._buffer = InputAudioBuffer(self._state, self._hearings, self._responses)
        self._noise_reduction = NoiseReductionSetting(self._state)
        self._idle = IdleTimeout(self._state, self._buffer, self._responses)
        self._deferred = Deferred()
        self._expires_at = None if limits.lifetime_s is None else now + limits.lifetime_s
        self._closed = False
        self._fill_transcription()

    # --- the door --------------------------------------------------------------------------------

    def receive(self, happened: AnyInput, now: float) -> tuple[AnyOutput, ...]:
        """Take one input at time `now`; gives all that must be done, in order."""
        if self._closed:
            return ()
        self._state.now = now
        HANDLERS[type(happened)](self, happened)
        if not self._state.out:  # whatever ends is told of, so nobody can have waited for this
            return ()
        self._run_deferred()
        self._responses.let_go()
        self._listings.drop_unwanted(self._responses.unlisted)
        return self._state.out.take()

    def next_deadline(self) -> float | None:
        """When to call `receive` with `TimerFired`, on the clock of `now`."""
        if self._closed:
            return None
        earliest = self._expires_at
        for deadline in (self._responses.next_deadline(), self._idle.deadline()):
            if deadline is not None and (earliest is None or deadline < earliest):
                earliest = deadline
        return earliest

    @property
    def config(self) -> SessionConfig:
        """The effective settings."""
        return self._state.config

    # --- connections -----------------------------------------------------------------------------

    def _peer_joined(self, joined: PeerJoined) -> None:
        if joined.measured:
            self._state.measured_to.append(joined.peer)
        self._state.out.send(SessionCreated(session=self._state.config.echoed()), to=joined.peer)
        self._noise_reduction.settings_changed()
        self._list_tools()
        self._buffer.detection_changed()

    def _peer_left(self, _: PeerLeft) -> None:
        self._close()

    def _frame_refused(self, refused: FrameRefused) -> None:
        self._state.out.send(Error(error=refused.error), to=refused.peer)

    def _load_changed(self, changed: LoadChanged) -> None:
        self._state.load = changed.load

    def _timer_fired(self, _: TimerFired) -> None:
        if self._expires_at is not None and self._state.now >= self._expires_at:
            self._close()
            lifetime_s = self._state.limits.lifetime_s or 0.0
            self._state.out.do(Disconnect(1001, EXPIRED.format(minutes=lifetime_s / 60)))
            return
        self._responses.advance()
        self._idle.advance()

    def _close(self) -> None:
        """Stop all jobs; nothing happens after this."""
        self._closed = True
        self._buffer.stop()
        self._hearings.drop_all()
        self._responses.stop()
        self._listings.stop()
        self._calls.stop()

    # --- client events ---------------------------------------------------------------------------

    def _event_received(self, received: EventReceived) -> None:
        event = received.event
        try:
            if self._responses.active is not None and self._must_wait(event):
                self._deferred.add(received)
            else:
                CLIENT_HANDLERS[type(event)](self, received)
        except Refusal as refusal:
            detail = msgspec.structs.replace(refusal.detail, event_id=event.event_id)
            self._state.out.send(Error(error=detail), to=received.peer)

    def _must_wait(self, event: ClientEvent) -> bool:
        """While a response runs, creations wait for its end, and so do edits of its items.

        The live service shows such items after `response.done` (protocol 5.6, 8 row 32). What
        names an item whose creation waits has to wait behind it.
        """
        match event:
            case ConversationItemCreate():
                return True
            case (
                ConversationItemDelete(item_id=item_id) | ConversationItemTruncate(item_id=item_id)
            ):
                return self._responses.owns(item_id) or self._deferred.creates(item_id)
            case ConversationItemRetrieve(item_id=item_id):
                return self._deferred.creates(item_id)
            case _:
                return False

    def _run_deferred(self) -> None:
        while self._deferred and self._responses.active is None:
            self._event_received(self._deferred.take())

    def _session_update(self, received: EventReceived) -> None:
        event = received.event
        assert isinstance(event, SessionUpdate)
        updated = merge(self._state.config, event.session, self._state.abilities)
        self._check_voice(updated)
        if "tools" in event.session and isinstance(updated, RealtimeSession):
            self._check_room_for_listings(updated)
        if updated.audio.input.format != self._state.config.audio.input.format:
            self._state.out.do(TakeFormat(updated.audio.input.format))
        self._state.config = updated
        self._noise_reduction.settings_changed()
        self._fill_transcription()
        self._state.out.send(SessionUpdated(session=self._state.config.echoed()))
        if "tools" in event.session:
            self._list_tools()
        self._buffer.detection_changed()

    def _check_room_for_listings(self, updated: RealtimeSession) -> None:
        """A server that is newly named becomes an item. Raises `Refusal` where none has room."""
        if self._listings.are_new(updated.tools):
            self._state.conversation.check_room()

    def _list_tools(self) -> None:
        """Ask the MCP servers of the session for their tools."""
        session = self._state.realtime
        if session is not None:
            self._listings.session_has(session.tools, self._responses.unlisted)

    def _check_voice(self, updated: SessionConfig) -> None:
        """It has to be there, and is fixed once the assistant was heard (protocol 2.1)."""
        old, new = self._state.realtime, updated
        if old is None or isinstance(new, TranscriptionSession):
            return
        if voice_name(new.audio.output.voice) == voice_name(old.audio.output.voice):
            return
        self._state.check_voice(new.audio.output.voice, "session.audio.output.voice")
        if self._state.conversation.was_spoken_in:
            raise refuse(
                "cannot_update_voice",
                "Cannot update a conversation's voice if assistant audio is present.",
            )

    def _fill_transcription(self) -> None:
        """Say which recogniser writes, where the client wants transcripts and has named none."""
        config = self._state.config
        wanted = config.audio.input.transcription
        if wanted is None or wanted.model:
            return
        filled = msgspec.structs.replace(wanted, model=self._state.default_transcription)
        given = msgspec.structs.replace(config.audio.input, transcription=filled)
        audio = msgspec.structs.replace(config.audio, input=given)
        self._state.config = msgspec.structs.replace(config, audio=audio)

    def _commit(self, _: EventReceived) -> None:
        self._buffer.commit()

    def _clear(self, _: EventReceived) -> None:
        self._buffer.clear()

    def _item_create(self, received: EventReceived) -> None:
        event = received.event
        assert isinstance(event, ConversationItemCreate)
        speech = check_item(event.item, "item")
        check_call(event.item, self._state.conversation)
        self._state.conversation.check_insertion(without_audio(event.item), event.previous_item_id)
        if self._is_taken(event.item.id):
            raise duplicate_item(event.item.id)
        if isinstance(event.item, McpApprovalResponseItem):
            self._calls.check_answer(event.item)
        self._hearings.drop(event.item.id)  # of an item that had this id and was deleted
        entry = entry_of(self._state, event.item, speech)
        previous = self._state.conversation.insert(entry, event.previous_item_id)
        self._state.out.send(ConversationItemAdded(previous_item_id=previous, item=entry.item))
        self._state.out.send(ConversationItemDone(previous_item_id=previous, item=entry.item))
        self._state.idle.restart(self._state.now)
        if speech:
            self._hear_clip(entry.item.id, speech)
        if isinstance(entry.item, McpApprovalResponseItem):
            self._calls.answered(entry.item)

    def _is_taken(self, item_id: str) -> bool:
        """Whether an item that is not in the conversation still needs, or will have, this id."""
        return (
            self._responses.awaits(item_id)
            or self._responses.will_hear(item_id)
            or self._buffer.announced(item_id)
        )

    def _hear_clip(self, item_id: str, speech: bytes) -> None:
        if self._state.wants_words:
            self._hearings.commit_clip(item_id, speech)
        if self._state.conversation.find(item_id) is not None:
            self._state.out.do(KeepClip(item_id, speech, self._state.config.audio.input.format))

    def _item_retrieve(self, received: EventReceived) -> None:
        event = received.event
        assert isinstance(event, ConversationItemRetrieve)
        entry = self._state.conversation.get(event.item_id, "retrieve")
        retrieved = self._state.out.stamp(ConversationItemRetrieved(item=entry.item))
        self._state.out.do(SendRetrieved(retrieved, received.peer))

    def _item_delete(self, received: EventReceived) -> None:
        event = received.event
        assert isinstance(event, ConversationItemDelete)
        self._state.conversation.delete(event.item_id)
        if not self._responses.awaits(event.item_id):
            self._hearings.drop(event.item_id)
        self._state.out.send(ConversationItemDeleted(item_id=event.item_id))
        self._responses.drop_speech(event.item_id)

    def _item_truncate(self, received: EventReceived) -> None:
        event = received.event
        assert isinstance(event, ConversationItemTruncate)
        self._state.conversation.truncate(event.item_id, event.content_index, event.audio_end_ms)
        if self._responses.active is None:
            barge_in.hush(self._state)
        self._state.out.send(
            ConversationItemTruncated(
                item_id=event.item_id,
                content_index=event.content_index,
                audio_end_ms=event.audio_end_ms,
            )
        )

    def _response_create(self, received: EventReceived) -> None:
        event = received.event
        assert isinstance(event, ResponseCreate)
        unheard = self._responses.create(event.response or ResponseParams())
        for item_id, speech in unheard.items():
            self._hear_clip(item_id, speech)

    def _response_cancel(self, received: EventReceived) -> None:
        event = received.event
        assert isinstance(event, ResponseCancel)
        for item_id in sorted(self._responses.cancel(event.response_id)):
            gone = self._state.conversation.find(item_id) is None
            if gone and not self._responses.awaits(item_id):
                self._hearings.drop(item_id)  # it was only in the input of that response

    # --- audio and engines -----------------------------------------------------------------------

    def _audio_appended(self, appended: AudioAppended) -> None:
        self._buffer.audio_appended(appended.to)

    def _speech_scored(self, scored: SpeechScored) -> None:
        self._buffer.speech_scored(scored.job, scored.end, scored.probability)

    def _turn_judged(self, result: TurnJudged) -> None:
        self._buffer.turn_judged(result)

    def _heard(self, result: TranscriptDelta | Transcribed | EngineFailed) -> bool:
        """A result of a recogniser; False if no hearing has its job."""
        if not self._hearings.has(result.job):
            return False
        hearing = self._hearings.received(result)
        if hearing is None:
            self._buffer.followed()
        elif hearing.final:
            self._buffer.publish(hearing)
        else:
            self._buffer.hearing_tried(hearing)
        return True

    def _drafted(self, result: DraftResult) -> bool:
        """A result of a model or a voice; False if no draft has its job."""
        return self._buffer.received(result) or self._responses.received(result)

    def _served(self, result: ToolsListed | ToolReturned | ToolServerFailed) -> bool:
        """A result of an MCP server; False if no listing and no call has its job."""
        if not isinstance(result, ToolReturned):
            listing_id = self._listings.received(result)
            if listing_id is not None:
                self._responses.tools_listed(listing_id)
                return True
        return not isinstance(result, ToolsListed) and self._calls.received(result)

    def _failed(self, failed: EngineFailed) -> None:
        if self._heard(failed) or self._drafted(failed) or self._buffer.turn_judged(failed):
            return
        if self._served(tool_server_failed(failed.job, failed.message)):
            return
        if not self._buffer.listening_failed(failed):
            return
        detail = ErrorDetail(type="server_error", code=failed.code, message=failed.message)
        self._state.out.send(Error(error=detail))


Handler = Callable[[Session, Any], object]

HANDLERS: dict[type, Handler] = {
    AudioAppended: Session._audio_appended,
    SpeechScored: Session._speech_scored,
    TurnJudged: Session._turn_judged,
    EventReceived: Session._event_received,
    FrameRefused: Session._frame_refused,
    TranscriptDelta: Session._heard,
    Transcribed: Session._heard,
    TextGenerated: Session._drafted,
    AudioGenerated: Session._drafted,
    ToolCallGenerated: Session._drafted,
    GenerationFinished: Session._drafted,
    AudioSynthesized: Session._drafted,
    SpeechFinished: Session._drafted,
    EngineFailed: Session._failed,
    ToolsListed: Session._served,
    ToolReturned: Session._served,
    ToolServerFailed: Session._served,
    LoadChanged: Session._load_changed,
    TimerFired: Session._timer_fired,
    PeerJoined: Session._peer_joined,
    PeerLeft: Session._peer_left,
}

CLIENT_HANDLERS: dict[type, Handler] = {
    SessionUpdate: Session._session_update,
    InputAudioBufferCommit: Session._commit,
    InputAudioBufferClear: Session._clear,
    ConversationItemCreate: Session._item_create,
    ConversationItemRetrieve: Session._item_retrieve,
    ConversationItemDelete: Session._item_delete,
    ConversationItemTruncate: Session._item_truncate,
    ResponseCreate: Session._response_create,
    ResponseCancel: Session._response_cancel,
}
