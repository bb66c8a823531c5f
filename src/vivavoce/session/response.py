"""One response: created, waiting for what it is to answer with, active with a draft, done.

    Awaiting --all heard and listed--> Active(draft) --all sent--> Done
        |                                   |
        +------------ cut short ------------+------------------> Done

The only writer of a response's events. What its draft holds is sent as far as it may be;
`barge_in` is the only other module that ends one.
"""

from collections.abc import Set
from dataclasses import dataclass, field, replace

from vivavoce.protocol.items import ItemStatus
from vivavoce.protocol.server_events import (
    RateLimitsAtStart,
    RateLimitsUpdated,
    ResponseAudioOutputShown,
    ResponseAudioShown,
    ResponseCreated,
    ResponseDone,
    ResponseError,
    ResponseObject,
    ResponseStatus,
    StatusDetails,
    Usage,
)
from vivavoce.session.conversation import Entry, Heard, Noise, Pending
from vivavoce.session.draft import Draft
from vivavoce.session.draft_content import DraftCall, DraftContent, DraftSpeech, DraftText
from vivavoce.session.inputs import GenerationFinished
from vivavoce.session.mcp_call import McpCall
from vivavoce.session.output_items import (
    FunctionCall,
    OutputItem,
    Place,
    WrittenMessage,
)
from vivavoce.session.outputs import Measured
from vivavoce.session.rate_limits import rate_limit_exceeded
from vivavoce.session.response_plan import ResponsePlan
from vivavoce.session.speech_items import OwnSpeechMessage, SpeechMessage, SpokenMessage
from vivavoce.session.state import State
from vivavoce.session.tool_calls import ToolCalls
from vivavoce.session.truncation import (
    Overflow,
    context_length_exceeded,
    counted_scale,
    has_pictures,
    request_tokens,
)
from vivavoce.session.usage import usage_of
from vivavoce.session.waterfall import Waterfall, turn_measured

LEAD_STEP_S = 0.02
"""Seconds: speech held back is sent on in steps of at least this."""


@dataclass(slots=True)
class Awaiting:
    """The user's last words are not known yet, or the tools of a server that this response names.

    `unheard` has the ids of the items of speech, `unlisted` those of the listings; `offered` is a
    draft made in the pause.
    """

    unheard: set[str]
    unlisted: set[str]
    offered: Draft | None = None


@dataclass(slots=True)
class Active:
    """The answer is on its way."""

    draft: Draft
    items: list[OutputItem] = field(default_factory=list)


@dataclass(slots=True)
class Done:
    """The terminal event was sent."""


ResponseState = Awaiting | Active | Done


class Response:
    """One response of a session."""

    def __init__(
        self,
        state: State,
        plan: ResponsePlan,
        entries: tuple[Entry, ...],
        *,
        calls: ToolCalls,
        turn_item_id: str | None = None,
        offered: Draft | None = None,
        has_own_input: bool = False,
        unlisted: Set[str] = frozenset(),
    ) -> None:
        """`entries` is the context, frozen now; it is the conversation's, or the response
        `has_own_input`. `turn_item_id` is the user's turn that this
        response answers by itself: if that turns out to be noise, the response ends empty.
        `unlisted` are the listings of MCP servers that it waits for."""
        self.id = state.ids.new("resp")
        self.plan = plan
        self.waterfall = Waterfall(response_id=self.id, created=state.now)
        self._shared = state
        self._calls = calls
        self._entries = entries
        self._has_own_input = has_own_input
        self._turn_item_id = turn_item_id
        unheard = {e.item.id for e in entries if isinstance(e.heard, Pending) and e.clip is None}
        self.state: ResponseState = Awaiting(unheard, set(unlisted), offered)

    # --- life ------------------------------------------------------------------------------------

    def create(self) -> None:
        """Announce the response; it begins at once if nothing has to be heard or listed first."""
        self._shared.out.send(ResponseCreated(response=self._shown("in_progress")))
        exhausted = self._shared.rate_limits.take_request(self._shared.now)
        self._tell_rate_limits(RateLimitsAtStart)
        if exhausted is None:
            self._begin_when_ready()
        else:
            self._decline(rate_limit_exceeded(exhausted))

    def hearing_resolved(self, item_id: str, heard: Heard, at: float) -> None:
        """What the user said in this item is known, since `at`."""
        if not isinstance(self.state, Awaiting) or item_id not in self.state.unheard:
            return
        self.state.unheard.discard(item_id)
        self.waterfall.transcript = max(at, self.waterfall.transcript or at)
        self._entries = tuple(
            replace(e, heard=heard) if e.item.id == item_id else e for e in self._entries
        )
        self._begin_when_ready()

    def tools_listed(self, listing_id: str) -> None:
        """What a server lists is known, or will not be."""
        if isinstance(self.state, Awaiting) and listing_id in self.state.unlisted:
            self.state.unlisted.discard(listing_id)
            self.plan = self.plan.offering(self._shared.listed)
            self._begin_when_ready()

    def advance(self) -> None:
        """Send what the draft has more of; end when that is all."""
        state = self.state
        if not isinstance(state, Active):
            return
        draft = state.draft
        if draft.failure is not None:
            self._fail(draft)
            return
        for index, content in enumerate(draft.contents):
            if index == len(state.items):
                state.items.append(self._open(content, index))
            if not self._advance_item(state.items[index], content):
                draft.pump()
                return
        if draft.finished:
            self._complete(draft)

    def will_hear(self, item_id: str) -> bool:
        """Whether the model is yet to be given this item's speech."""
        waits = isinstance(self.state, Awaiting)
        return waits and any(e.clip and e.item.id == item_id for e in self._entries)

    @property
    def draft(self) -> Draft | None:
        """The draft at work, adopted or only offered."""
        match self.state:
            case Awaiting(offered=draft) | Active(draft=draft):
                return draft
            case _:
                return None

    @property
    def items(self) -> list[OutputItem]:
        """The items that were opened so far."""
        return self.state.items if isinstance(self.state, Active) else []

    @property
    def is_sent(self) -> bool:
        """Whether there was anything of it yet to be read, or heard."""
        return any(item.written for item in self.items)

    def next_deadline(self) -> float | None:
        """When speech that is held back for the listener may be sent."""
        if not any(isinstance(item, SpeechMessage) and item.held for item in self.items):
            return None
        lead_s = self._shared.limits.max_lead_ms / 1000 - LEAD_STEP_S
        return self._shared.playback.ends_at - lead_s

    def finish(self, status: ResponseStatus, details: StatusDetails | None = None) -> None:
        """Send the terminal event. Every item is closed by then."""
        draft = self.state.draft if isinstance(self.state, Active) else None
        usage = usage_of(draft, self.items)
        shown = self._shown(status, details, usage)
        if draft is not None and draft.ended is not None:
            self._note_count(draft.ended)
        self._note_end(status, draft)
        self.state = Done()
        if self.plan.in_conversation:
            self._shared.idle.answered(self._shared.now)
        self._shared.out.send(ResponseDone(response=shown))
        self._shared.rate_limits.take_tokens(usage.total_tokens, self._shared.now)
        self._tell_rate_limits(RateLimitsUpdated)
        for peer in self._shared.measured_to:
            self._shared.out.send(turn_measured(self.waterfall, self._turn_item_id), to=peer)
        self._shared.out.do(Measured(self.waterfall))

    def _note_end(self, status: ResponseStatus, draft: Draft | None) -> None:
        waterfall = self.waterfall
        waterfall.done, waterfall.status = self._shared.now, status
        if draft is not None:
            waterfall.first_token, waterfall.voice_ready = draft.first_token, draft.voice_ready

    def _note_count(self, ended: GenerationFinished) -> None:
        """The model has counted the tokens that were estimated before."""
        pictured = any(has_pictures(entry) for entry in self._entries)
        if ended.input_tokens is None or pictured:
            return
        scale = counted_scale(request_tokens(self._entries, self.plan), ended.input_tokens)
        if scale is not None:
            self._shared.tokens_per_estimate = scale

    def _tell_rate_limits(self, kind: type[RateLimitsAtStart | RateLimitsUpdated]) -> None:
        shown = self._shared.rate_limits.shown(self._shared.now)
        if shown:
            self._shared.out.send(kind(rate_limits=shown))

    # --- beginning -------------------------------------------------------------------------------

    def _begin_when_ready(self) -> None:
        state = self.state
        if not isinstance(state, Awaiting) or state.unheard or state.unlisted:
            return
        if self._answers_noise():
            if state.offered is not None:
                state.offered.stop()
            self.finish("completed")
            return
        fitting = self._shared.fit(self._entries, self.plan)
        if isinstance(fitting, Overflow):
            self._decline(context_length_exceeded(fitting))
            return
        self._entries = fitting.entries
        if self.plan.in_conversation and not self._has_own_input:
            self._shared.conversation.drop_from_context(fitting.dropped)
        self.state = Active(self._draft(state.offered))
        self.advance()

    def _decline(self, error: ResponseError) -> None:
        """The model is not asked at all (protocol 6.3)."""
        if self.draft is not None:
            self.draft.stop()
        self.finish("failed", StatusDetails(type="failed", error=error))

    def _answers_noise(self) -> bool:
        return any(
            e.item.id == self._turn_item_id and isinstance(e.heard, Noise) and e.clip is None
            for e in self._entries
        )

    def _draft(self, offered: Draft | None) -> Draft:
        """The draft made in the pause if it answers this very request, else a new one."""
        prompt = self._shared.prompt(self.plan, self._entries)
        language = self._shared.spoken_language(self._entries)
        if offered is not None and offered.serves(prompt, self.plan, language):
            offered.adopt()
            self.waterfall.drafted = True
            return offered
        if offered is not None:
            offered.stop("changed")
        draft = Draft(self._shared, prompt, self.plan, language)
        draft.begin()
        return draft

    # --- items -----------------------------------------------------------------------------------

    def _open(self, content: DraftContent, index: int) -> OutputItem:
        place = Place(self._shared, self.plan, self.id, self._shared.ids.new("item"), index)
        item: OutputItem
        if isinstance(content, DraftCall):
            tool = self.plan.offer.remote_tool(content.name)
            item = (
                FunctionCall(place, content.name, content.call_id)
                if tool is None
                else McpCall(place, tool, self._calls.begin)
            )
        elif isinstance(content, DraftSpeech):
            item = OwnSpeechMessage(place)
        elif self.plan.speaks:
            item = SpokenMessage(place)
        else:
            item = WrittenMessage(place)
        item.open()
        return item

    def _advance_item(self, item: OutputItem, content: DraftContent) -> bool:
        """True when the item is closed, so that the next one may begin."""
        if item.final is not None:
            return True
        match item, content:
            case SpokenMessage(), DraftText():
                complete = item.advance(content)
                self._note_audio(item)
            case OwnSpeechMessage(), DraftSpeech():
                complete = item.advance(content)
                self._note_audio(item)
            case WrittenMessage(), DraftText():
                complete = item.advance(content)
            case FunctionCall() | McpCall(), DraftCall():
                complete = item.advance(content)
            case _:
                raise AssertionError("an output item is fed by the content that opened it")
        if complete:
            item.close("completed" if not self._limit_reached(content) else "incomplete")
        return complete

    def _note_audio(self, item: SpeechMessage) -> None:
        if item.audio_ms:
            if self.waterfall.first_audio is None:
                self.waterfall.first_audio = self._shared.now
            self.waterfall.last_audio = self._shared.now

    def _limit_reached(self, content: DraftContent) -> bool:
        """Whether the token limit cut this content: it is the last one of the draft."""
        if not isinstance(self.state, Active):
            return False
        draft = self.state.draft
        return (
            draft.ended is not None
            and draft.ended.reason != "stop"
            and content is draft.contents[-1]
        )

    # --- ends ------------------------------------------------------------------------------------

    def _complete(self, draft: Draft) -> None:
        reason = draft.ended.reason if draft.ended else "stop"
        if reason == "stop":
            self.finish("completed")
            return
        shown = "max_output_tokens" if reason == "length" else reason
        self.finish("incomplete", StatusDetails(type="incomplete", reason=shown))

    def _fail(self, draft: Draft) -> None:
        """An engine failed: what was sent stays, and the session goes on (protocol 6.3)."""
        failure = draft.failure
        assert failure is not None
        self.close_items("incomplete")
        error = ResponseError(type="server_error", code=failure.code, message=failure.message)
        self.finish("failed", StatusDetails(type="failed", error=error))

    def close_items(self, status: ItemStatus) -> None:
        """Close what is open."""
        for item in self.items:
            item.close(status)

    # --- as clients see it -----------------------------------------------------------------------

    def _shown(
        self,
        status: ResponseStatus,
        details: StatusDetails | None = None,
        usage: Usage | None = None,
    ) -> ResponseObject:
        plan = self.plan
        output = [item.final for item in self.items if item.final is not None]
        return ResponseObject(
            id=self.id,
            status=status,
            status_details=details,
            output=tuple(output),
            conversation_id=self._shared.conversation.id if plan.in_conversation else None,
            output_modalities=plan.output_modalities,
            max_output_tokens=plan.max_output_tokens,
            audio=ResponseAudioShown(
                output=ResponseAudioOutputShown(format=plan.format, voice=plan.voice_name)
            ),
            usage=usage,
            metadata=plan.metadata,
            temperature=plan.temperature,
        )
