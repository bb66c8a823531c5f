import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.chunkings import cut_anywhere
from vivavoce.engines.base import EngineError, ModelOutput, TextDelta, ToolCallDelta
from vivavoce.engines.llm.call_forms import FORMS
from vivavoce.engines.llm.written_calls import LONGEST_CALL, WrittenCalls
from vivavoce.protocol.prompt import FunctionTool

WEATHER = FunctionTool(
    name="get_weather",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    },
)
PING = FunctionTool(name="ping")

ROME = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
CALL = ("get_weather", {"city": "Rome"})


def read(*pieces: str, cut: bool = False, tools: tuple[FunctionTool, ...] = (WEATHER, PING)) -> Any:
    """What is said, and the calls in their order."""
    answer = WrittenCalls(tools)
    outputs: list[ModelOutput] = [each for piece in pieces for each in answer.receive(piece)]
    outputs += answer.finish(cut=cut)
    said = "".join(each.text for each in outputs if isinstance(each, TextDelta))
    calls = [each for each in outputs if isinstance(each, ToolCallDelta)]
    assert [each.index for each in calls] == list(range(len(calls)))
    return said, [(each.name, json.loads(each.arguments)) for each in calls]


WRITTEN = {
    "hermes": f"<tool_call>\n{ROME}\n</tool_call>",
    "hermes without its end": f"<tool_call>\n{ROME}",
    "function call": f"<function_call>{ROME}</function_call>",
    "qwen coder": "<tool_call>\n<function=get_weather>\n<parameter=city>\nRome\n</parameter>\n"
    "</function>\n</tool_call>",
    "functionary": '<function=get_weather>{"city": "Rome"}</function>',
    "llama": '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Rome"}}<|eom_id|>',
    "mistral": f"[TOOL_CALLS][{ROME}]",
    "mistral 11": '[TOOL_CALLS]get_weather[ARGS]{"city": "Rome"}',
    "mistral 13": '[TOOL_CALLS]get_weather[CALL_ID]123456789[ARGS]{"city": "Rome"}',
    "deepseek": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n"
    '```json\n{"city": "Rome"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "deepseek 3.1": "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>"
    '{"city": "Rome"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "gpt-oss": "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
    '{"city": "Rome"}<|call|>',
    "gpt-oss, role first": " to=functions.get_weather<|channel|>commentary json<|message|>"
    '{"city": "Rome"}<|call|>',
    "bare": '{"name": "get_weather", "parameters": {"city": "Rome"}}',
    "bare, as the API has it": json.dumps(
        {"type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}}
    ),
    "bare array": f"\n[{ROME}]",
    "fenced": f"```json\n{ROME}\n```",
    "fenced in a line": f"```json {ROME}```",
    "fenced without its end": f"```\n{ROME}",
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN.keys())
@given(data=st.data())
def test_a_call_is_recognised_however_it_is_cut(written: str, data: st.DataObject) -> None:
    said, calls = read(*cut_anywhere(written, data))
    assert said.strip() == ""
    assert calls == [CALL]


pieces = st.lists(
    st.sampled_from(
        [
            *(form.opening for form in FORMS if form.closings),
            "</tool_call>",
            "</function>",
            ROME,
            ROME[:20],
            "```",
            "```json\n",
            "{",
            "[",
            '{"name": "someone"}',
            "<",
            " ",
            "Well. ",
        ]
    ),
    max_size=8,
)


@given(pieces, st.data())
def test_any_text_in_any_chunking_gives_the_same(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    assert result_of(*cut_anywhere(text, data)) == result_of(text)


def result_of(*chunks: str) -> Any:
    try:
        return read(*chunks)
    except EngineError as error:
        return str(error)


def test_a_fence_in_an_argument_does_not_end_the_call() -> None:
    arguments = {"city": "```py\nprint()\n```"}
    written = json.dumps({"name": "get_weather", "arguments": arguments})
    assert read(f"```json\n{written}\n```") == ("", [("get_weather", arguments)])


def test_text_before_and_behind_a_call_is_said() -> None:
    said, calls = read(f"Let me see. <tool_call>{ROME}</tool_call>\n\nOne moment.")
    assert said == "Let me see. One moment."
    assert calls == [CALL]


def test_several_calls_are_numbered() -> None:
    ping = '<tool_call>{"name": "ping"}</tool_call>'
    assert read(f"<tool_call>{ROME}</tool_call>\n{ping}")[1] == [CALL, ("ping", {})]


def test_a_call_is_handed_on_when_it_is_closed() -> None:
    answer = WrittenCalls([WEATHER])
    assert answer.receive(f"<tool_call>{ROME}</tool_ca") == []
    assert len(answer.receive("ll>")) == 1


def test_parameters_in_tags_have_the_types_of_the_schema() -> None:
    written = "<tool_call><function=get_weather><parameter=city>7</parameter>"
    written += "<parameter=days>7</parameter></function></tool_call>"
    assert read(written) == ("", [("get_weather", {"city": "7", "days": 7})])


def test_only_what_may_become_a_call_is_held_back() -> None:
    answer = WrittenCalls([WEATHER])
    assert answer.receive("a < b <to") == [TextDelta("a < b ")]
    assert answer.receive("p> ") == [TextDelta("<top> ")]


@pytest.mark.parametrize(
    "text",
    [
        '{"city": "Rome"}',
        "[1, 2, 3]",
        '{"name": "Rome", "population": 3}',
        "```json\n[1]\n```",
        "```python\nprint()\n```",
    ],
)
def test_json_that_was_asked_for_is_said(text: str) -> None:
    assert read(text) == (text, [])


def test_json_that_cannot_be_a_call_is_said_at_once() -> None:
    assert WrittenCalls([WEATHER]).receive('{"city": ')[0] == TextDelta("{")


def test_json_in_the_midst_of_a_sentence_is_no_call() -> None:
    assert read(f"Such as {ROME}") == (f"Such as {ROME}", [])


@pytest.mark.parametrize("inside", ["", "{", "get_weather", '{"name": 1}', '{"arguments": {}}'])
def test_markup_that_cannot_be_read_fails_the_answer(inside: str) -> None:
    with pytest.raises(EngineError, match="cannot be read") as caught:
        read(f"<tool_call>{inside}</tool_call>")
    assert caught.value.code == "invalid_tool_call"


@pytest.mark.parametrize("tools", [(), (PING,)])
def test_a_tool_that_may_not_be_called_fails_the_answer(tools: tuple[FunctionTool, ...]) -> None:
    with pytest.raises(EngineError, match="'get_weather', which it may not call") as caught:
        read(f"<tool_call>{ROME}</tool_call>", tools=tools)
    assert caught.value.code == "tool_not_offered"


def test_a_call_that_was_cut_off_is_dropped() -> None:
    assert read(f"Well. <tool_call>{ROME[:30]}", cut=True) == ("Well. ", [])


def test_a_call_without_end_is_not_held_for_ever() -> None:
    with pytest.raises(EngineError, match="goes on beyond"):
        read("<tool_call>", " " * (LONGEST_CALL + 1))


def test_no_opening_begins_with_another() -> None:
    openings = [form.opening for form in FORMS]
    assert not [(a, b) for a in openings for b in openings if a != b and a.startswith(b)]
