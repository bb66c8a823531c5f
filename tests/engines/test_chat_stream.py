from typing import Any

import msgspec
import pytest

from vivavoce.engines.base import EngineError, Generated, ModelOutput, TextDelta, ToolCallDelta
from vivavoce.engines.llm.chat_stream import ChatStream


def chunk(finish: str | None = None, **delta: Any) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return msgspec.json.encode({"choices": [choice]}).decode()


def call(arguments: str | None = None, **fields: Any) -> dict[str, Any]:
    function = {"arguments": arguments, "name": fields.pop("name", None)}
    return fields | {"function": function}


def read(*data: str) -> list[ModelOutput]:
    stream = ChatStream()
    outputs = [output for each in data for output in stream.receive(each)]
    return outputs + stream.finish()


def calls(*data: str) -> list[ToolCallDelta]:
    outputs = read(*data, chunk(finish="tool_calls"))
    return [output for output in outputs if isinstance(output, ToolCallDelta)]


def test_text_is_passed_on_piece_by_piece() -> None:
    assert read(chunk(content="Good"), chunk(content=" day."), chunk(finish="stop")) == [
        TextDelta("Good"),
        TextDelta(" day."),
        Generated(),
    ]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_in_a_field_of_its_own_is_not_spoken(field: str) -> None:
    stream = ChatStream()
    assert stream.receive(chunk(**{field: "Hm."})) == []
    assert stream.started


def test_reasoning_in_the_text_is_not_spoken() -> None:
    outputs = read(chunk(content="<thi"), chunk(content="nk>Hm.</think>Yes"), "[DONE]")
    assert outputs == [TextDelta("Yes"), Generated()]


def test_text_that_looked_like_a_tag_is_given_at_the_end() -> None:
    assert read(chunk(content="a <th"), "[DONE]") == [
        TextDelta("a "),
        TextDelta("<th"),
        Generated(),
    ]


def test_a_role_alone_does_not_start_the_answer() -> None:
    stream = ChatStream()
    stream.receive(chunk(role="assistant", content=""))
    assert not stream.started


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "stop"),
        ("function_call", "stop"),
    ],
)
def test_finish_reasons_are_translated(finish: str, reason: str) -> None:
    assert read(chunk(finish=finish)) == [Generated(reason=reason)]


def test_usage_comes_in_a_chunk_of_its_own() -> None:
    usage = '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,'
    usage += '"prompt_tokens_details":{"cached_tokens":4}}}'
    assert read(chunk(finish="stop"), usage, "[DONE]") == [
        Generated(input_tokens=9, cached_tokens=4, output_tokens=2)
    ]


def test_usage_may_leave_out_or_null_its_details() -> None:
    usage = '{"choices":null,"usage":{"prompt_tokens":9,"prompt_tokens_details":null}}'
    assert read(chunk(finish="stop"), usage) == [Generated(input_tokens=9)]


def test_arguments_stream_behind_the_name() -> None:
    assert calls(
        chunk(tool_calls=[call("", index=0, id="a", name="f")]),
        chunk(tool_calls=[call('{"x"', index=0)]),
        chunk(tool_calls=[call(":1}", index=0)]),
    ) == [
        ToolCallDelta(index=0, name="f", call_id="a"),
        ToolCallDelta(index=0, arguments='{"x"'),
        ToolCallDelta(index=0, arguments=":1}"),
    ]


def test_parallel_calls_are_kept_apart_by_their_index() -> None:
    assert calls(
        chunk(tool_calls=[call("{", index=0, id="a", name="f")]),
        chunk(tool_calls=[call("{", index=1, id="b", name="g")]),
        chunk(tool_calls=[call("}", index=0), call("}", index=1)]),
    ) == [
        ToolCallDelta(index=0, name="f", call_id="a", arguments="{"),
        ToolCallDelta(index=1, name="g", call_id="b", arguments="{"),
        ToolCallDelta(index=0, arguments="}"),
        ToolCallDelta(index=1, arguments="}"),
    ]


@pytest.mark.parametrize("index", [0, None])
def test_a_new_id_begins_a_new_call_whatever_the_index_says(index: int | None) -> None:
    assert calls(
        chunk(tool_calls=[call("{}", index=index, id="a", name="f")]),
        chunk(tool_calls=[call("{", index=index, id="b", name="f")]),
        chunk(tool_calls=[call("}", index=index)]),
    ) == [
        ToolCallDelta(index=0, name="f", call_id="a", arguments="{}"),
        ToolCallDelta(index=1, name="f", call_id="b", arguments="{"),
        ToolCallDelta(index=1, arguments="}"),
    ]


def test_an_id_that_is_repeated_continues_its_call() -> None:
    assert calls(
        chunk(tool_calls=[call("{", index=0, id="a", name="f")]),
        chunk(tool_calls=[call("}", index=0, id="a", name="f")]),
    ) == [
        ToolCallDelta(index=0, name="f", call_id="a", arguments="{"),
        ToolCallDelta(index=0, arguments="}"),
    ]


@pytest.mark.parametrize("index", [0, None])
@pytest.mark.parametrize("call_id", [None, ""])
@pytest.mark.parametrize("name", ["f", "g"])
def test_parallel_calls_without_ids_are_kept_apart_by_their_names(
    index: int | None, call_id: str | None, name: str
) -> None:
    first = call('{"x":1}', index=index, id=call_id, name="f")
    second = call('{"y":2}', index=index, id=call_id, name=name)
    expected = [
        ToolCallDelta(index=0, name="f", arguments='{"x":1}'),
        ToolCallDelta(index=1, name=name, arguments='{"y":2}'),
    ]
    assert calls(chunk(tool_calls=[first]), chunk(tool_calls=[second])) == expected
    assert calls(chunk(tool_calls=[first, second])) == expected


def test_a_name_that_is_repeated_with_more_arguments_continues_its_call() -> None:
    assert calls(
        chunk(tool_calls=[call('{"x"', index=0, name="f")]),
        chunk(tool_calls=[call(":1}", index=0, name="f")]),
        chunk(tool_calls=[call("", index=0, name="f")]),
    ) == [
        ToolCallDelta(index=0, name="f", arguments='{"x"'),
        ToolCallDelta(index=0, arguments=":1}"),
    ]


def test_an_id_that_comes_later_continues_its_call() -> None:
    assert calls(
        chunk(tool_calls=[call("", index=0, name="f")]),
        chunk(tool_calls=[call('{"x":1}', index=0, id="a")]),
    ) == [
        ToolCallDelta(index=0, name="f"),
        ToolCallDelta(index=0, arguments='{"x":1}'),
    ]


def test_a_call_is_given_once_it_has_a_name() -> None:
    assert calls(
        chunk(tool_calls=[call("{", index=0, id="a")]),
        chunk(tool_calls=[call("}", index=0, name="f")]),
    ) == [ToolCallDelta(index=0, name="f", call_id="a", arguments="{}")]


def test_arguments_may_be_an_object_and_ids_numbers() -> None:
    piece = {"index": 0, "id": 5, "function": {"name": "f", "arguments": {"x": 1}}}
    assert calls(chunk(tool_calls=[piece])) == [
        ToolCallDelta(index=0, name="f", call_id="5", arguments='{"x":1}')
    ]


def test_content_may_be_parts_of_which_text_is_said() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    stream = ChatStream()
    assert stream.receive(chunk(content=[thought])) == []
    assert stream.started
    assert stream.receive(chunk(content=[thought, {"type": "text", "text": "Hi."}])) == [
        TextDelta("Hi.")
    ]
    assert stream.receive(chunk(content="You.", reasoning={"text": "Hm."})) == [TextDelta("You.")]


def test_counts_may_be_fractions() -> None:
    usage = '{"choices":[],"usage":{"prompt_tokens":9.0,"completion_tokens":2.5,'
    usage += '"prompt_tokens_details":{"cached_tokens":4.0}}}'
    assert read(chunk(finish="stop"), usage) == [
        Generated(input_tokens=9, cached_tokens=4, output_tokens=2)
    ]


def test_a_call_without_arguments_gets_an_empty_object() -> None:
    assert calls(chunk(tool_calls=[call(index=0, id="a", name="ping")])) == [
        ToolCallDelta(index=0, name="ping", call_id="a"),
        ToolCallDelta(index=0, arguments="{}"),
    ]


def test_an_answer_that_is_cut_off_is_an_error() -> None:
    with pytest.raises(EngineError, match="before the answer was complete") as caught:
        read(chunk(content="Go"))
    assert caught.value.code == "connection_lost"


@pytest.mark.parametrize(
    "error",
    ['{"message":"out of memory","code":500}', '"out of memory"', '{"error":"out of memory"}'],
)
def test_an_error_inside_the_stream_is_repeated(error: str) -> None:
    with pytest.raises(EngineError, match="out of memory"):
        read(f'{{"error":{error}}}')


@pytest.mark.parametrize("data", ["<html>", "[1]", '{"choices":[{"delta":{"content":5}}]}', ""])
def test_what_is_no_chunk_is_an_error(data: str) -> None:
    with pytest.raises(EngineError, match="no chunk of a chat completion") as caught:
        read(data)
    assert caught.value.code == "invalid_response"
