"""The items of a response while they are being sent: their events, in the documented order.

Each knows how to open itself, to send what its draft content has more of, and to close: every
`added` has its `done`, whatever became of the answer (protocol 5.2, 5.5, 5.6, 5.9).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, TypeVar

from vivavoce.audio.units import BYTES_PER_MS
from vivavoce.protocol.items import (
    FunctionCallItem,
    Item,
    ItemStatus,
    MessageItem,
    OutputAudio,
    OutputText,
)
from vivavoce.protocol.mcp_events import McpCallArgumentsDelta, McpCallArgumentsDone
from vivavoce.protocol.server_events import (
    AudioPart,
    ContentEvent,
    ContentPartAdded,
    ContentPartDone,
    ConversationItemAdded,
    ConversationItemDone,
    FunctionCallArgumentsDelta,
    FunctionCallArgumentsDone,
    OutputAudioDelta,
    OutputAudioDone,
    OutputAudioTranscriptDelta,
    OutputAudioTranscriptDone,
    OutputItemAdded,
    OutputItemDone,
    OutputTextDelta,
    OutputTextDone,
    TextPart,
)
from vivavoce.session.conversation import Entry
from vivavoce.session.draft import DraftCall, DraftClause, DraftText
from vivavoce.session.inputs import AudioSynthesized, Word
from vivavoce.session.output_audio import Clause, Spoken
from vivavoce.session.outputs import EndAudio, SendAudio
from vivavoce.session.response_plan import ResponsePlan
from vivavoce.session.state import State

E = TypeVar(
    "E",
    bound=ContentEvent
    | FunctionCallArgumentsDelta
    | FunctionCallArgumentsDone
    | McpCallArgumentsDelta
    | McpCallArgumentsDone,
)


@dataclass(slots=True)
class Place:
    """Where an output item stands."""

    state: State
    plan: ResponsePlan
    response_id: str
    item_id: str
    output_index: int

    def event(self, kind: type[E], **fields: Any) -> E:
        """An event about the content of this item."""
        return kind(
            response_id=self.response_id,
            item_id=self.item_id,
            output_index=self.output_index,
            **fields,
        )


class OutputItem(ABC):
    """An item that a response is sending."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.final: Item | None = None
        """The item as it was closed."""

    @property
    @abstractmethod
    def written(self) -> str:
        """What the model wrote of it, as far as it was sent."""

    @abstractmethod
    def item(self, status: ItemStatus) -> Item:
        """The item as it stands."""

    @abstractmethod
    def spoken(self) -> Spoken | None:
        """What was said aloud so far."""

    @abstractmethod
    def close_content(self, status: ItemStatus) -> None:
        """Send the `.done` events of the content."""

    def open(self) -> None:
        """Announce the item, and put it into the conversation."""
        place, out = self.place, self.place.state.out
        item = self.item("in_progress")
        out.send(
            OutputItemAdded(
                response_id=place.response_id, output_index=place.output_index, item=item
            )
        )
        if place.plan.in_conversation:
            previous = place.state.conversation.insert(Entry(item))
            out.send(ConversationItemAdded(previous_item_id=previous, item=item))

    def close(self, status: ItemStatus) -> None:
        """Send all `.done` events."""
        if self.final is not None:
            return
        self.close_content(status)
        place, out = self.place, self.place.state.out
        item = self.final = self.item(status)
        if place.plan.in_conversation:
            conversation = place.state.conversation
            conversation.put(Entry(item, spoken=self.spoken()))
            out.send(
                ConversationItemDone(previous_item_id=conversation.previous_of(item.id), item=item)
            )
        out.send(
            OutputItemDone(
                response_id=place.response_id, output_index=place.output_index, item=item
            )
        )


class WrittenMessage(OutputItem):
    """A message in text."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.text = ""
        self._begun = False

    @property
    def written(self) -> str:
        """The text."""
        return self.text

    def open(self) -> None:
        """Announce the item and its one part."""
        super().open()
        self._begun = True
        self.place.state.out.send(self.place.event(ContentPartAdded, part=TextPart(text="")))

    def advance(self, content: DraftText) -> bool:
        """Send the words that are new; True when there will be no more."""
        delta = content.text[len(self.text) :]
        if delta:
            self.text = content.text
            self.place.state.out.send(self.place.event(OutputTextDelta, delta=delta))
        return content.complete

    def item(self, status: ItemStatus) -> MessageItem:
        """The message as it stands."""
        content = (OutputText(text=self.text),) if self._begun else ()
        return MessageItem(id=self.place.item_id, status=status, role="assistant", content=content)

    def spoken(self) -> None:
        """Nothing was said aloud."""

    def close_content(self, status: ItemStatus) -> None:  # noqa: ARG002
        """The text is over."""
        out = self.place.state.out
        out.send(self.place.event(OutputTextDone, text=self.text))
        out.send(self.place.event(ContentPartDone, part=TextPart(text=self.text)))


@dataclass(slots=True)
class SentClause:
    """A clause whose transcript was sent, with the audio that followed so far."""

    text: str
    sent_bytes: int = 0
    words: list[Word] = field(default_factory=list)
    whole: bool = False

    def freeze(self) -> Clause:
        """As the conversation remembers it."""
        return Clause(
            self.text, self.sent_bytes // BYTES_PER_MS, tuple(self.words), whole=self.whole
        )


class SpokenMessage(OutputItem):
    """A message in speech. A clause's transcript goes out just before its first audio."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.held = False
        """Whether there is speech that may not be sent yet, because too much is unplayed."""
        self._sent: list[SentClause] = []
        self._whole = 0
        """How many clauses were sent to their end."""
        self._sent_bytes = 0
        self._begun = False

    @property
    def transcript(self) -> str:
        """The words whose audio has begun."""
        return "".join(clause.text for clause in self._sent)

    @property
    def written(self) -> str:
        """The words."""
        return self.transcript

    @property
    def audio_ms(self) -> int:
        """Milliseconds of speech that were sent."""
        return self._sent_bytes // BYTES_PER_MS

    def open(self) -> None:
        """Announce the item and its one part."""
        super().open()
        self._begun = True
        part = AudioPart(transcript="")
        self.place.state.out.send(self.place.event(ContentPartAdded, part=part))

    def advance(self, content: DraftText) -> bool:
        """Send the speech that is ready and not too far ahead; True when it is all sent."""
        self.held = False
        for clause in content.clauses[self._whole :]:
            if not clause.chunks and not clause.finished:
                return False
            if clause.chunks and self._hold():
                return False
            if self._whole == len(self._sent):
                self._begin(clause)
            if not self._send_chunks(clause, self._sent[self._whole]):
                return False
            self._whole += 1
        return content.complete

    def _hold(self) -> bool:
        """Whether speech has to wait until more of what was sent is played."""
        state = self.place.state
        self.held = state.playback.lead_s(state.now) * 1000 >= state.limits.max_lead_ms
        return self.held

    def _begin(self, clause: DraftClause) -> None:
        self._sent.append(SentClause(clause.text))
        self.place.state.out.send(self.place.event(OutputAudioTranscriptDelta, delta=clause.text))

    def _send_chunks(self, clause: DraftClause, sent: SentClause) -> bool:
        """Sends what may be sent of a clause; True when the clause is over."""
        while clause.chunks:
            if self._hold():
                return False
            self._send_chunk(clause.chunks.popleft(), sent)
        sent.whole = clause.finished
        return sent.whole

    def _send_chunk(self, chunk: AudioSynthesized, sent: SentClause) -> None:
        state, place = self.place.state, self.place
        sent.sent_bytes += len(chunk.audio)
        self._sent_bytes += len(chunk.audio)
        sent.words.extend(chunk.words)
        if place.plan.in_conversation:
            state.conversation.was_spoken_in = True
        state.playback.sent(place.item_id, len(chunk.audio) / BYTES_PER_MS, state.now)
        event = place.event(OutputAudioDelta, delta=chunk.audio)
        state.out.do(SendAudio(state.out.stamp(event), place.plan.format))

    def item(self, status: ItemStatus) -> MessageItem:
        """The message as it stands."""
        content = (OutputAudio(transcript=self.transcript),) if self._begun else ()
        return MessageItem(id=self.place.item_id, status=status, role="assistant", content=content)

    def spoken(self) -> Spoken:
        """What was said aloud so far."""
        return Spoken(tuple(clause.freeze() for clause in self._sent))

    def close_content(self, status: ItemStatus) -> None:
        """The speech is over (protocol 5.2 has the order)."""
        out = self.place.state.out
        end = out.stamp(self.place.event(OutputAudioDelta, delta=b""))
        out.do(EndAudio(end, cut=status != "completed"))
        out.send(self.place.event(OutputAudioDone))
        out.send(self.place.event(OutputAudioTranscriptDone, transcript=self.transcript))
        out.send(self.place.event(ContentPartDone, part=AudioPart(transcript=self.transcript)))


class FunctionCall(OutputItem):
    """A call that the client is asked to make."""

    def __init__(self, place: Place, name: str, call_id: str) -> None:
        super().__init__(place)
        self._name = name
        self._call_id = call_id
        self._arguments = ""

    @property
    def written(self) -> str:
        """The arguments."""
        return self._arguments

    def advance(self, content: DraftCall) -> bool:
        """Send the arguments that are new; True when there will be no more."""
        delta = content.arguments[len(self._arguments) :]
        if delta:
            self._arguments = content.arguments
            self.place.state.out.send(
                self.place.event(FunctionCallArgumentsDelta, call_id=self._call_id, delta=delta)
            )
        return content.complete

    def item(self, status: ItemStatus) -> FunctionCallItem:
        """The call as it stands."""
        return FunctionCallItem(
            id=self.place.item_id,
            status=status,
            name=self._name,
            call_id=self._call_id,
            arguments=self._arguments,
        )

    def spoken(self) -> None:
        """Nothing was said aloud."""

    def close_content(self, status: ItemStatus) -> None:
        """The arguments are whole; those of a call that was cut short never are, and some
        clients run a call on this event, so it is left out then."""
        if status == "completed":
            self.place.state.out.send(
                self.place.event(
                    FunctionCallArgumentsDone,
                    call_id=self._call_id,
                    name=self._name,
                    arguments=self._arguments,
                )
            )
