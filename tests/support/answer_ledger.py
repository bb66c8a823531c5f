"""The books on responses: one at a time, one terminal each, every `added` with its `done`."""

from dataclasses import dataclass, field

from support.tool_ledger import ToolLedger
from vivavoce.protocol.items import (
    FunctionCallItem,
    Item,
    McpCallItem,
    MessageItem,
    OutputAudio,
    OutputText,
)
from vivavoce.protocol.mcp_events import McpCallArgumentsDelta, McpCallArgumentsDone, McpCallEvent
from vivavoce.protocol.server_events import (
    AudioPart,
    ContentPartAdded,
    ContentPartDone,
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
    ResponseCreated,
    ResponseDone,
    ResponseObject,
    SpeechStarted,
    TextPart,
)
from vivavoce.session.inputs import AnyInput
from vivavoce.session.outputs import AnyOutput, Cancel, ListTools, Send, SendAudio


@dataclass
class OpenItem:
    """An output item between `added` and `done`."""

    item_id: str
    index: int
    part: bool = False
    text: str = ""
    unsounded: str = ""
    """Words that were shown, and whose sound has not begun."""
    over: set[str] = field(default_factory=set)
    """Which `.done` events have come."""


@dataclass
class Answer:
    """A response between `created` and `done`."""

    shown: ResponseObject
    item: OpenItem | None = None
    finished: list[Item] = field(default_factory=list)


class AnswerLedger:
    """All responses of a session."""

    def __init__(self, tools: ToolLedger) -> None:
        """`tools` keeps the books on calls whose arguments are whole."""
        self._tools = tools
        self.active: Answer | None = None
        self.beside: dict[str, Answer] = {}
        self.ended: dict[str, ResponseObject] = {}
        self._speech_started = False
        self._listings: set[int] = set()
        """Jobs that make nothing of an answer: they end behind the response that waited."""

    def happened(self, happened: AnyInput) -> None:
        """A new step."""
        self._speech_started = False

    def done(self, output: AnyOutput) -> None:
        """One output, in order."""
        if isinstance(output, ListTools):
            self._listings.add(output.job)
        elif isinstance(output, Cancel):
            assert not self._speech_started or output.job in self._listings, (
                "an answer's jobs are cancelled before speech is announced"
            )
        elif isinstance(output, Send | SendAudio):
            self._sent(output.event)

    def step_over(self) -> None:
        """Words are shown together with their sound, not before."""
        for answer in filter(None, (self.active, *self.beside.values())):
            unsounded = answer.item.unsounded if answer.item else ""
            assert not any(map(str.isalnum, unsounded)), f"no sound for {unsounded!r}"

    def _sent(self, event: object) -> None:
        match event:
            case SpeechStarted():
                self._speech_started = True
            case ResponseCreated(response=response):
                self._created(response)
            case ResponseDone(response=response):
                self._done(response)
            case OutputItemAdded(response_id=response_id, output_index=index, item=item):
                answer = self._answer(response_id)
                assert answer.item is None, "two items are open"
                assert index == len(answer.finished), "items are numbered in order"
                assert getattr(item, "status", "in_progress") == "in_progress"
                answer.item = OpenItem(item.id, index)
            case OutputItemDone() if self._tools.owns(event):
                self._call_done(event)
            case McpCallEvent():
                pass
            case OutputItemDone(response_id=response_id, output_index=index, item=item):
                self._item_done(self._answer(response_id), index, item)
            case _:
                self._content(event)

    def _answer(self, response_id: str) -> Answer:
        assert response_id not in self.ended, f"{response_id} has ended"
        if self.active is not None and self.active.shown.id == response_id:
            return self.active
        assert response_id in self.beside, f"{response_id} was never created"
        return self.beside[response_id]

    def _created(self, response: ResponseObject) -> None:
        assert response.id not in self.ended
        assert response.status == "in_progress"
        assert response.output == ()
        if response.conversation_id is None:
            assert response.id not in self.beside
            self.beside[response.id] = Answer(response)
            return
        assert self.active is None, "two responses in the conversation"
        self.active = Answer(response)

    def _done(self, response: ResponseObject) -> None:
        answer = self._answer(response.id)
        assert answer.item is None, "an item was added and never done"
        assert list(map(settled, response.output)) == list(map(settled, answer.finished))
        assert response.status != "in_progress"
        assert response.usage is not None
        details = response.status_details
        assert (details.type if details else "completed") == response.status
        assert response.metadata == answer.shown.metadata
        if self.active is answer:
            self.active = None
        else:
            del self.beside[response.id]
        self.ended[response.id] = response

    def _item_done(self, answer: Answer, index: int, item: Item) -> None:
        opened = answer.item
        assert opened is not None, "done, and never added"
        assert (opened.item_id, opened.index) == (item.id, index)
        assert not opened.part, "a content part was added and never done"
        match item:
            case MessageItem(content=(OutputText(text=text),)):
                assert text == opened.text
            case MessageItem(content=(OutputAudio(transcript=transcript),)):
                assert transcript == opened.text
            case FunctionCallItem(arguments=arguments, status=status):
                assert arguments == opened.text
                assert (status == "completed") == ("arguments" in opened.over)
            case McpCallItem(arguments=arguments, output=None, error=None):
                assert arguments == opened.text, "cut short"
            case _:
                raise AssertionError(f"an answer holds {item}")
        answer.finished.append(item)
        answer.item = None

    def _call_done(self, event: OutputItemDone) -> None:
        """A call is over; what its response shows of it later is what it gave."""
        answer = self.beside.get(event.response_id) or self.active
        if answer is not None and answer.shown.id == event.response_id:
            assert answer.finished[event.output_index].id == event.item.id
            answer.finished[event.output_index] = event.item

    def _arguments_whole(self, event: McpCallArgumentsDone) -> None:
        """To its response a call is finished now."""
        answer = self._answer(event.response_id)
        assert answer.item is not None
        assert event.arguments == answer.item.text
        answer.finished.append(
            McpCallItem(id=event.item_id, server_label="", name="", arguments=event.arguments)
        )
        answer.item = None

    def _content(self, event: object) -> None:
        if not hasattr(event, "output_index"):
            return
        opened = self._answer(event.response_id).item  # type: ignore[attr-defined]
        assert opened is not None, "content without an item"
        assert opened.item_id == event.item_id  # type: ignore[attr-defined]
        assert opened.index == event.output_index
        match event:
            case ContentPartAdded(part=part):
                assert not opened.part
                assert part in (TextPart(text=""), AudioPart(transcript=""))
                opened.part = True
            case ContentPartDone(part=TextPart(text=text) | AudioPart(transcript=text)):
                assert opened.part
                assert text == opened.text
                assert opened.over in ({"text"}, {"audio", "transcript"})
                opened.part = False
            case FunctionCallArgumentsDelta(delta=delta) | McpCallArgumentsDelta(delta=delta):
                assert not opened.over
                opened.text += delta
            case FunctionCallArgumentsDone(arguments=text):
                self._over(opened, "arguments", text)
            case McpCallArgumentsDone():
                self._arguments_whole(event)
            case _:
                self._part_content(event, opened)

    def _part_content(self, event: object, opened: OpenItem) -> None:
        assert opened.part, "content outside of a part"
        match event:
            case OutputTextDelta(delta=delta) | OutputAudioTranscriptDelta(delta=delta):
                assert not opened.over
                assert delta, "an empty delta"
                opened.text += delta
                if isinstance(event, OutputAudioTranscriptDelta):
                    opened.unsounded = delta
            case OutputAudioDelta(delta=audio):
                assert not opened.over
                assert opened.text, "sound before its words"
                assert len(audio) % 2 == 0
                opened.unsounded = ""
            case OutputTextDone(text=text):
                self._over(opened, "text", text)
            case OutputAudioDone():
                self._over(opened, "audio", opened.text)
            case OutputAudioTranscriptDone(transcript=text):
                self._over(opened, "transcript", text)

    def _over(self, opened: OpenItem, what: str, text: str) -> None:
        assert what not in opened.over, f"{what} is done twice"
        assert text == opened.text, "the deltas joined are not the whole"
        opened.over.add(what)


def settled(item: Item) -> object:
    """The item; of a call what does not change before it is over."""
    if isinstance(item, McpCallItem) and item.output is None and item.error is None:
        return item.id, item.arguments
    return item
