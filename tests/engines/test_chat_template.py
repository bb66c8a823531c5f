from pathlib import Path
from typing import Any

import pytest

from vivavoce.engines.base import EngineError
from vivavoce.engines.llm.chat_template import CHATML, ChatTemplate

USER = {"role": "user", "content": "Weather?"}
CALL = {"function": {"name": "get_weather", "arguments": {"city": "<Rome>"}}}
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {}}}


def chatml(*messages: dict[str, Any], tools: tuple[dict[str, Any], ...] = ()) -> str:
    return ChatTemplate(CHATML).render(list(messages), list(tools), {})


def test_chatml_ends_where_the_answer_begins() -> None:
    assert chatml({"role": "system", "content": "Be kind."}, USER) == (
        "<|im_start|>system\nBe kind.<|im_end|>\n"
        "<|im_start|>user\nWeather?<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_a_conversation_may_be_empty() -> None:
    assert chatml() == "<|im_start|>assistant\n"


def test_chatml_shows_tools_calls_and_results() -> None:
    text = chatml(
        USER,
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "sunny"},
        tools=(TOOL,),
    )
    assert '<tools>\n{"name": "get_weather", "parameters": {}}\n</tools>' in text
    assert '<tool_call>\n{"name": "get_weather", "arguments": {"city": "<Rome>"}}\n' in text
    assert "<|im_start|>user\n<tool_response>\nsunny\n</tool_response><|im_end|>" in text


def test_a_template_gets_its_arguments() -> None:
    template = ChatTemplate("{{ bos_token }}{{ 'think' if enable_thinking else 'no' }}")
    assert template.render([], [], {"enable_thinking": True}) == "think"


def test_a_template_that_is_none_is_refused() -> None:
    with pytest.raises(EngineError, match="chat template") as caught:
        ChatTemplate("{% if %}")
    assert caught.value.code == "invalid_configuration"


def test_what_a_template_refuses_is_told() -> None:
    template = ChatTemplate("{{ raise_exception('No tools, please.') }}")
    with pytest.raises(EngineError, match="No tools, please") as caught:
        template.render([], [], {})
    assert caught.value.code == "invalid_request"


def test_a_template_cannot_leave_its_sandbox(tmp_path: Path) -> None:
    template = ChatTemplate("{{ messages.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(EngineError, match="unsafe"):
        template.render([], [], {})
