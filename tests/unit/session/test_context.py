from typing import Any

import pytest

from vivavoce.protocol.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputAudio,
    InputImage,
    InputText,
    MessageItem,
    OutputAudio,
    OutputText,
)
from vivavoce.protocol.prompt import (
    INAUDIBLE,
    SILENCE,
    FunctionTool,
    Message,
    Prompt,
    ToolCall,
    note_of,
    noted_in,
)
from vivavoce.protocol.session_config import RealtimeSession
from vivavoce.protocol.tools import Tool, ToolChoiceFunction
from vivavoce.session.context import (
    build_prompt,
    estimate_prompt_tokens,
    estimate_tokens,
    messages,
)
from vivavoce.session.conversation import Entry, Heard, Inaudible, Noise, Pending, Silence, Text
from vivavoce.session.output_audio import Clause, Spoken
from vivavoce.session.response_plan import plan_of


def said(role: Any, *parts: Any, heard: Heard | None = None) -> Entry:
    return Entry(MessageItem(id="i", role=role, content=parts), heard=heard)


def call(call_id: str, status: Any = "completed") -> Entry:
    return Entry(
        FunctionCallItem(id=call_id, status=status, name="dial", call_id=call_id, arguments="{}")
    )


def output(call_id: str, text: str = "ok") -> Entry:
    return Entry(FunctionCallOutputItem(id=f"out_{call_id}", call_id=call_id, output=text))


def calls(*call_ids: str) -> Message:
    made = tuple(ToolCall(call_id, "dial", "{}") for call_id in call_ids)
    return Message(role="assistant", tool_calls=made)


def result(call_id: str, text: str = "ok") -> Message:
    return Message(role="tool", text=text, call_id=call_id)


HELLO = said("user", InputText(text="hello"))
HELLO_READ = Message(role="user", text="hello")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (HELLO, HELLO_READ),
        (said("system", InputText(text="Be kind.")), Message(role="system", text="Be kind.")),
        (
            said("assistant", OutputText(text="Hi."), OutputText(text="Bye.")),
            Message(role="assistant", text="Hi. Bye."),
        ),
        (said("user", InputAudio(), heard=Text("hello")), HELLO_READ),
        (said("user", InputAudio(transcript="hello")), HELLO_READ),
        (said("user", InputAudio(), InputAudio(), heard=Text("hello")), HELLO_READ),
        (
            said("user", InputAudio(transcript="well,"), InputAudio(), heard=Text("hello")),
            Message(role="user", text="well, hello"),
        ),
        (
            said("user", InputAudio(transcript="hello"), InputAudio(transcript="")),
            HELLO_READ,
        ),
        (said("user", InputAudio(), heard=Inaudible()), Message(role="user", text=INAUDIBLE)),
        (said("user", InputAudio(), heard=Noise()), None),
        (said("user", InputAudio(), heard=Pending()), None),
        (said("user"), None),
        (said("assistant", OutputAudio(transcript="Hi.")), None),
        (
            said("user", InputText(text="See:"), InputImage(image_url="data:x")),
            Message(role="user", text="See:", images=("data:x",)),
        ),
        (
            said("user", InputImage(image_url="data:x")),
            Message(role="user", images=("data:x",)),
        ),
    ],
)
def test_one_message(entry: Entry, expected: Message | None) -> None:
    assert messages([entry]) == (() if expected is None else (expected,))


def test_of_speech_the_words_that_were_heard_are_read() -> None:
    spoken = Spoken((Clause("one two", 2000),)).cut_at(1500)
    item = MessageItem(id="i", role="assistant", content=(OutputAudio(transcript="one two"),))
    assert messages([Entry(item, spoken=spoken)]) == (Message(role="assistant", text="one"),)
    assert messages([Entry(item, spoken=spoken.cut_at(0))]) == ()


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([call("a"), output("a")], [calls("a"), result("a")]),
        (
            [call("a"), call("b"), output("b"), output("a")],
            [calls("a", "b"), result("a"), result("b")],
        ),
        (
            [call("a"), output("a"), call("b"), output("b")],
            [calls("a"), result("a"), calls("b"), result("b")],
        ),
        ([call("a"), HELLO, output("a")], [calls("a"), result("a"), HELLO_READ]),
        ([output("a"), HELLO, call("a")], [HELLO_READ, calls("a"), result("a")]),
        ([call("a"), call("b"), output("b")], [calls("b"), result("b")]),
        ([call("a"), HELLO], [HELLO_READ]),
        ([call("a", "incomplete"), output("a")], []),
        ([call("a", "in_progress"), output("a")], []),
        ([output("a"), HELLO], [HELLO_READ]),
        ([call("a"), output("a", "no"), output("a", "yes")], [calls("a"), result("a", "yes")]),
    ],
)
def test_calls_and_their_outputs_stand_together(
    entries: list[Entry], expected: list[Message]
) -> None:
    assert list(messages(entries)) == expected


def test_settings_become_the_request() -> None:
    session = RealtimeSession(
        instructions="Be kind.",
        tools=(Tool(name="dial", parameters={"type": "object"}), Tool(name="hang_up")),
        tool_choice=ToolChoiceFunction(name="dial"),
        max_output_tokens=9,
    )
    assert build_prompt(plan_of(session), [HELLO]) == Prompt(
        instructions="Be kind.",
        messages=(HELLO_READ,),
        tools=(
            FunctionTool(name="dial", parameters={"type": "object"}),
            FunctionTool(name="hang_up"),
        ),
        tool_choice="required",
        forced_tool="dial",
        max_output_tokens=9,
    )


def test_without_a_limit_there_is_none() -> None:
    assert build_prompt(plan_of(RealtimeSession()), []).max_output_tokens is None


def test_tokens_are_estimated_from_characters() -> None:
    assert [estimate_tokens("x" * n) for n in (0, 1, 4, 5)] == [0, 1, 1, 2]
    prompt = Prompt(instructions="x" * 8, messages=(HELLO_READ,))
    assert estimate_prompt_tokens(prompt) == 4


@pytest.mark.parametrize(
    ("heard", "note"),
    [
        (Inaudible(), "[The user spoke, but the words could not be recognised."),
        (Silence(), "[The user has said nothing for a while."),
    ],
)
def test_a_model_apologises_in_the_language_of_the_talk(heard: Heard, note: str) -> None:
    entries = [HELLO, said("user", InputAudio(), heard=heard)]
    asked = build_prompt(plan_of(RealtimeSession()), entries, language="de").messages
    assert asked[1].text == f"{note} Answer in the language 'de'.]"
    assert asked[0] == build_prompt(plan_of(RealtimeSession()), [HELLO]).messages[0]


@pytest.mark.parametrize("note", [INAUDIBLE, SILENCE])
def test_a_note_is_known_in_every_language(note: str) -> None:
    assert note_of(noted_in(note, "pt-BR")) == note_of(note) == note
    assert note_of(f"{note} What?") is None
    assert note_of("") is None
