"""The responses of a session: one in the conversation, a few beside it (protocol 5.8, 5.19)."""

from collections.abc import Iterator

import msgspec
from msgspec import UNSET

from vivavoce.protocol.client_events import ResponseParams
from vivavoce.protocol.errors import Refusal, refuse, response_already_active
from vivavoce.protocol.items import ItemReference
from vivavoce.session import barge_in
from vivavoce.session.conversation import Entry, Heard
from vivavoce.session.draft import Draft, DraftResult
from vivavoce.session.item_creation import check_calls, check_item, entry_of
from vivavoce.session.outputs import DropAudio, KeepClip
from vivavoce.session.response import Awaiting, Done, Response
from vivavoce.session.response_plan import plan_of, plan_with
from vivavoce.session.state import State
from vivavoce.session.tool_calls import ToolCalls
from vivavoce.session.tool_listings import Listings

MAX_OUT_OF_BAND = 16
"""Responses beside the conversation that may run at a time."""


class Responses:
    """Creates responses, finds the one that a result belongs to, and forgets those that ended."""

    def __init__(self, state: State, listings: Listings, calls: ToolCalls) -> None:
        self._state = state
        self._listings = listings
        self._calls = calls
        self._default: Response | None = None
        self._out_of_band: dict[str, Response] = {}
        self._leaving: list[str] = []
        """Items that are gone, and whose speech a response is yet to hear."""
        self.made = 0
        """How many responses the conversation has had."""

    @property
    def active(self) -> Response | None:
        """The response of the conversation, while it runs."""
        if self._default is not None and isinstance(self._default.state, Done):
            self._default = None
        return self._default

    def answer_turn(
        self, item_id: str, offered: Draft | None, last_voiced: float | None = None
    ) -> None:
        """The server answers a user's turn by itself; none may be active.

        `last_voiced` is when the last voiced sample of a turn that ends now had arrived.
        """
        session = self._state.realtime
        assert session is not None
        self._default = Response(
            self._state,
            plan_of(session, self._state.listed),
            self._state.conversation.context,
            calls=self._calls,
            turn_item_id=item_id,
            offered=offered,
        )
        if last_voiced is not None:
            self._default.waterfall.turn_ended(last_voiced, self._state.now)
        self.made += 1
        self._default.create()

    def create(self, params: ResponseParams) -> dict[str, bytes]:
        """A client asks for a response. Raises `Refusal`.

        Gives the speech in its own input that has yet to be recognised, by item id.
        """
        session = self._state.realtime
        if session is None:
            raise refuse("invalid_value", "A transcription session has no responses.", "type")
        plan = plan_with(session, params, self._state.listed)
        if plan.voice != session.audio.output.voice:
            self._state.check_voice(plan.voice, "response.audio.output.voice")
        if plan.in_conversation and self.active is not None:
            raise response_already_active(self.active.id)
        if plan.in_conversation:
            self._state.conversation.check_room()
        if not plan.in_conversation and len(self._running_beside()) >= MAX_OUT_OF_BAND:
            raise refuse(
                "too_many_responses",
                f"At most {MAX_OUT_OF_BAND} responses outside of the conversation may run at a "
                "time. Wait for one to finish.",
            )
        entries, unheard = self._input(params)
        unlisted = self._listings.response_has(
            () if params.tools is UNSET else plan.asked_tools,
            in_conversation=plan.in_conversation,
        )
        response = Response(
            self._state,
            plan,
            entries,
            calls=self._calls,
            has_own_input=params.input is not UNSET,
            unlisted=unlisted,
        )
        if self._state.hears:
            self._keep(unheard)
        if plan.in_conversation:
            self._default = response
            self.made += 1
        else:
            self._out_of_band[response.id] = response
        response.create()
        if not self._state.hears:
            return unheard
        for item_id in unheard:
            self.drop_speech(item_id)
        return {}

    def cancel(self, response_id: str | None) -> set[str]:
        """A client cancels the response of the conversation, or the one it names.

        Gives the items that it waited to be heard.
        """
        response = self.active
        if response_id is not None and (response is None or response.id != response_id):
            response = self._running_beside().get(response_id)
        if response is None:
            raise refuse(
                "response_cancel_not_active", "Cancellation failed: no active response found"
            )
        unheard = response.state.unheard if isinstance(response.state, Awaiting) else set()
        barge_in.interrupt(self._state, response, "client_cancelled")
        return unheard

    def received(self, result: DraftResult) -> bool:
        """A result of an engine; False if no response has its job."""
        for response in self._running():
            if response.draft is not None and response.draft.received(result):
                response.advance()
                return True
        return False

    def hearing_resolved(self, item_id: str, heard: Heard, at: float) -> None:
        """What the user said in this item is known, since `at`."""
        for response in self._running():
            response.hearing_resolved(item_id, heard, at)

    def drop_speech(self, item_id: str) -> None:
        """Have an item's audio forgotten, once no response is yet to hear it."""
        self._leaving.append(item_id)
        self.let_go()

    def let_go(self) -> None:
        """Have the audio forgotten that nobody needs any more."""
        kept = [item_id for item_id in self._leaving if self.will_hear(item_id)]
        for item_id in self._leaving:
            if item_id not in kept:
                self._state.out.do(DropAudio(item_id))
        self._leaving = kept

    def tools_listed(self, listing_id: str) -> None:
        """What a server lists is known, or will not be."""
        for response in self._running():
            response.tools_listed(listing_id)

    def awaits(self, item_id: str) -> bool:
        """Whether a response cannot begin before it is known what this item says."""
        return any(
            isinstance(response.state, Awaiting) and item_id in response.state.unheard
            for response in self._running()
        )

    def will_hear(self, item_id: str) -> bool:
        """Whether the model is yet to be given this item's speech, which must not change then."""
        return any(response.will_hear(item_id) for response in self._running())

    @property
    def unlisted(self) -> frozenset[str]:
        """The ids of the listings without which a response cannot begin."""
        return frozenset().union(
            *(
                response.state.unlisted
                for response in self._running()
                if isinstance(response.state, Awaiting)
            )
        )

    def advance(self) -> None:
        """Time has passed: send what was held back."""
        for response in self._running():
            response.advance()

    def next_deadline(self) -> float | None:
        """When `advance` will have something to send."""
        if self._default is None and not self._out_of_band:
            return None
        deadlines = [response.next_deadline() for response in self._running()]
        return min((d for d in deadlines if d is not None), default=None)

    def owns(self, item_id: str) -> bool:
        """Whether the running response is still writing this item."""
        response = self.active
        return response is not None and any(
            item.place.item_id == item_id for item in response.items
        )

    def stop(self) -> None:
        """Cancel all jobs: the session ends."""
        for response in self._running():
            if response.draft is not None:
                response.draft.stop()

    def _running_beside(self) -> dict[str, Response]:
        for response_id in [r.id for r in self._out_of_band.values() if isinstance(r.state, Done)]:
            del self._out_of_band[response_id]
        return self._out_of_band

    def _running(self) -> Iterator[Response]:
        if self.active is not None:
            yield self.active
        yield from tuple(self._running_beside().values())

    def _input(self, params: ResponseParams) -> tuple[tuple[Entry, ...], dict[str, bytes]]:
        """The context, and the speech in it that nobody has heard yet.

        It is the whole conversation, or what the client gave instead (protocol 3.3).
        """
        if params.input is UNSET:
            return self._state.conversation.context, {}
        check_calls(params.input, "response.input", self._state.conversation)
        entries: list[Entry] = []
        unheard: dict[str, bytes] = {}
        for index, item in enumerate(params.input):
            if isinstance(item, ItemReference):
                entries.append(self._referred(item, index))
                continue
            speech = check_item(item, f"response.input[{index}]")
            # A new id, as nobody will see it and the client's own may be in the conversation too.
            entry = entry_of(self._state, msgspec.structs.replace(item, id=""), speech)
            entries.append(entry)
            if speech:
                unheard[entry.item.id] = speech
        return tuple(entries), unheard

    def _keep(self, speech: dict[str, bytes]) -> None:
        """Have speech kept that a response is to hear."""
        audio_format = self._state.config.audio.input.format
        for item_id, audio in speech.items():
            self._state.out.do(KeepClip(item_id, audio, audio_format, of_response=True))

    def _referred(self, item: ItemReference, index: int) -> Entry:
        entry = self._state.conversation.find(item.id)
        if entry is None:
            raise unknown_reference(item.id, index)
        return entry


def unknown_reference(item_id: str, index: int) -> Refusal:
    """An `item_reference` to nothing."""
    text = f"Item with id '{item_id}' does not exist in the conversation."
    return refuse("invalid_value", text, f"response.input[{index}].id")
