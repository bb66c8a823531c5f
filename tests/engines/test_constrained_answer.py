import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.chunkings import cut_anywhere
from vivavoce.engines.base import EngineError, ModelOutput, TextDelta, ToolCallDelta
from vivavoce.engines.llm.constrained_answer import LONGEST_HEAD, ConstrainedAnswer

ROME = {"name": "get_weather", "arguments": {"city": 'Rome, "Italy" }'}}
HELLO = {"name": "answer", "arguments": {"message": 'He said: "Hello 🙂"\n'}}


def result(outputs: list[ModelOutput]) -> Any:
    """What is said, and each call's name and arguments."""
    said = ""
    calls: dict[int, tuple[str | None, str]] = {}
    for each in outputs:
        if isinstance(each, TextDelta):
            said += each.text
        elif isinstance(each, ToolCallDelta):
            name, arguments = calls.get(each.index, (each.name, ""))
            calls[each.index] = (name, arguments + each.arguments)
    return said, [(name, json.loads(arguments)) for name, arguments in calls.values()]


def read(*pieces: str, cut: bool = False) -> Any:
    answer = ConstrainedAnswer("answer")
    outputs = [each for piece in pieces for each in answer.receive(piece)]
    return result(outputs + answer.finish(cut=cut))


def sorted_keys(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (HELLO, ('He said: "Hello 🙂"\n', [])),
        (ROME, ("", [("get_weather", ROME["arguments"])])),
        ([ROME, ROME], ("", [("get_weather", ROME["arguments"])] * 2)),
    ],
    ids=["answer", "call", "calls"],
)
@pytest.mark.parametrize(
    "write", [json.dumps, lambda value: json.dumps(value, indent=2), sorted_keys]
)
@given(data=st.data())
def test_an_answer_is_read_however_it_is_cut(
    value: Any, expected: Any, write: Any, data: st.DataObject
) -> None:
    assert read(*cut_anywhere(write(value), data)) == expected


def test_the_answer_is_said_while_it_is_written() -> None:
    answer = ConstrainedAnswer("answer")
    assert answer.receive('{"name":"answer","arguments":{"message":"Good') == [TextDelta("Good")]
    assert answer.receive(" day") == [TextDelta(" day")]


def test_arguments_are_handed_on_while_they_are_written() -> None:
    answer = ConstrainedAnswer("answer")
    assert answer.receive('{"name": "f", "arguments": {"x": ') == [
        ToolCallDelta(index=0, name="f"),
        ToolCallDelta(index=0, arguments='{"x": '),
    ]


def test_without_an_answering_function_every_name_is_a_call() -> None:
    answer = ConstrainedAnswer(None)
    assert result(answer.receive(json.dumps(HELLO))) == ("", [("answer", HELLO["arguments"])])


def test_an_answer_that_is_cut_at_the_limit_keeps_what_was_said() -> None:
    assert read('{"name":"answer","arguments":{"message":"Good', cut=True) == ("Good", [])


@pytest.mark.parametrize("text", ["Good day.", '{"name": "answer"', "", "[]"])
def test_what_is_not_by_the_schema_fails_the_answer(text: str) -> None:
    with pytest.raises(EngineError, match="does not follow the JSON schema") as caught:
        read(text)
    assert caught.value.code == "invalid_response"


def test_a_head_without_end_is_not_held_for_ever() -> None:
    with pytest.raises(EngineError, match="goes on beyond"):
        read('{"name": "', "a" * (LONGEST_HEAD + 1))
