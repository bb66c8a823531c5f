from typing import Any

import pytest

from vivavoce.engines.llm.answer_options import AnswerOptions
from vivavoce.engines.llm.chat_request import chat_request
from vivavoce.protocol.prompt import FunctionTool, Message, Prompt, ToolCall, ToolChoice

WEATHER = FunctionTool(
    name="get_weather",
    description="The weather in a city.",
    parameters={"type": "object", "properties": {"city": {"type": "string"}}},
)
PING = FunctionTool(name="ping")


def request(prompt: Prompt, *, at_openai: bool = False, **options: Any) -> dict[str, Any]:
    token_limit = options.pop("token_limit", "max_tokens")
    return chat_request(
        prompt,
        model="m",
        token_limit=token_limit,
        options=AnswerOptions.of(options),
        at_openai=at_openai,
    )


def test_a_bare_prompt_asks_for_a_stream_with_usage_and_nothing_else() -> None:
    assert request(Prompt(messages=(Message(role="user", text="Hi."),))) == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi."}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_context_keeps_its_order_behind_the_instructions() -> None:
    prompt = Prompt(
        instructions="Be kind.",
        messages=(
            Message(role="user", text="Weather?"),
            Message(
                role="assistant", tool_calls=(ToolCall("c1", "get_weather", '{"city":"Rome"}'),)
            ),
            Message(role="tool", call_id="c1", text="sunny"),
        ),
    )
    assert request(prompt)["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "get_weather", "arguments": '{"city":"Rome"}'},
                }
            ],
        },
        {"role": "tool", "content": "sunny", "tool_call_id": "c1"},
    ]


def test_images_become_parts_behind_the_text() -> None:
    message = Message(role="user", text="What is it?", images=("data:image/png;base64,AA==",))
    assert request(Prompt(messages=(message,)))["messages"][0]["content"] == [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]


def test_tools_are_wrapped_as_functions() -> None:
    assert request(Prompt(tools=(WEATHER, PING)))["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "description": "The weather in a city.",
                "parameters": WEATHER.parameters,
            },
        },
        {
            "type": "function",
            "function": {"name": "ping", "parameters": {"type": "object", "properties": {}}},
        },
    ]


@pytest.mark.parametrize("choice", ["none", "auto", "required"])
def test_a_mode_of_tool_choice_is_passed_on(choice: ToolChoice) -> None:
    assert request(Prompt(tools=(PING,), tool_choice=choice))["tool_choice"] == choice


def test_a_tool_that_must_be_called_is_the_only_one() -> None:
    body = request(Prompt(tools=(WEATHER, PING), forced_tool="ping"))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["ping"]
    assert body["tool_choice"] == "required"


def test_tool_choice_is_left_out_without_tools() -> None:
    assert "tool_choice" not in request(Prompt(tool_choice="none"))


def test_a_limit_has_the_name_that_the_server_knows() -> None:
    limited = Prompt(max_output_tokens=7)
    assert request(limited)["max_tokens"] == 7
    assert request(limited, token_limit="max_completion_tokens")["max_completion_tokens"] == 7


def test_the_prompts_temperature_goes_over_the_engines() -> None:
    assert request(Prompt(), temperature=0.2)["temperature"] == 0.2
    assert request(Prompt(temperature=0.9), temperature=0.2)["temperature"] == 0.9


def test_the_extra_body_goes_over_everything() -> None:
    body = request(Prompt(temperature=0.9), extra_body={"temperature": 0.1, "top_k": 3})
    assert (body["temperature"], body["top_k"]) == (0.1, 3)


@pytest.mark.parametrize("parallel", [True, False])
def test_whether_calls_may_be_parallel_is_passed_on_with_the_tools(parallel: bool) -> None:
    prompt = Prompt(tools=(FunctionTool(name="dial"),), parallel_tool_calls=parallel)
    assert request(prompt)["parallel_tool_calls"] is parallel
    assert "parallel_tool_calls" not in request(Prompt(parallel_tool_calls=parallel))


def test_top_p_and_stop_are_passed_on() -> None:
    body = request(Prompt(), top_p=0.5, stop=["User:"])
    assert (body["top_p"], body["stop"]) == (0.5, ["User:"])


def test_thinking_is_switched_off_in_the_words_of_all_servers() -> None:
    body = request(Prompt(), thinking=False)
    assert body["reasoning_effort"] == "none"
    assert body["chat_template_kwargs"] == {"enable_thinking": False, "thinking": False}


def test_openai_gets_no_field_that_it_refuses() -> None:
    body = request(Prompt(), thinking=False, at_openai=True)
    assert body["reasoning_effort"] == "none"
    assert "chat_template_kwargs" not in body


def test_thinking_is_switched_on_by_the_template_alone() -> None:
    body = request(Prompt(), thinking=True)
    assert body["chat_template_kwargs"] == {"enable_thinking": True, "thinking": True}
    assert "reasoning_effort" not in body


def test_an_effort_that_is_named_goes_over_none() -> None:
    body = request(Prompt(), thinking=False, reasoning_effort="low")
    assert body["reasoning_effort"] == "low"


def test_arguments_of_the_chat_template_go_over_the_others() -> None:
    body = request(Prompt(), thinking=False, chat_template_arguments={"thinking": 1, "x": 2})
    assert body["chat_template_kwargs"] == {"enable_thinking": False, "thinking": 1, "x": 2}
