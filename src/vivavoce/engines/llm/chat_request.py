"""Writes a `Prompt` as the body of a chat completions request."""

from typing import Any

import pybase64

from vivavoce.audio.units import INNER_RATE
from vivavoce.audio.wav import wav_bytes
from vivavoce.engines.llm.answer_options import AnswerOptions, NoAction
from vivavoce.engines.llm.constrained_request import (
    answer_schema,
    answering_tool,
    callable_tools,
    constrained_prompt,
    response_format,
)
from vivavoce.protocol.prompt import AudioClip, FunctionTool, Message, Prompt

RESERVED = frozenset({"messages", "model", "prompt", "stream", "tool_choice", "tools"})
"""Fields that the prompt decides: an extra body cannot set them."""

_NO_PARAMETERS = {"type": "object", "properties": {}}


def chat_request(
    prompt: Prompt, *, model: str, token_limit: str, options: AnswerOptions, at_openai: bool = False
) -> dict[str, Any]:
    """Make the body of a streamed request.

    `token_limit` is the name of the field for the greatest number of tokens; `at_openai` leaves
    out what OpenAI's own servers refuse. What is in the options' `extra_body` goes over everything
    else.
    """
    constraint: dict[str, Any] = {}
    if options.tools == "constrained":
        prompt, constraint = _constrained(prompt, options.no_action)
    body: dict[str, Any] = {
        "model": model,
        "messages": chat_messages(prompt),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body |= _tools(prompt) | sampling(prompt, options) | thinking(options, at_openai)
    if prompt.max_output_tokens is not None:
        body[token_limit] = prompt.max_output_tokens
    return body | constraint | options.extra_body


def sampling(prompt: Prompt, options: AnswerOptions) -> dict[str, Any]:
    """The fields that say how tokens are chosen, and where to stop."""
    temperature = options.temperature if prompt.temperature is None else prompt.temperature
    fields = {"temperature": temperature, "top_p": options.top_p, "stop": list(options.stop)}
    return {name: value for name, value in fields.items() if value not in (None, [])}


def thinking(options: AnswerOptions, at_openai: bool) -> dict[str, Any]:
    """The fields that say whether, and how much, the model thinks before it answers."""
    body: dict[str, Any] = {}
    arguments: dict[str, Any] = {}
    if options.thinking is not None:
        # By the template's argument in llama.cpp, vLLM and SGLang: Qwen and most others know the
        # first name, DeepSeek and Granite the second.
        arguments = {"enable_thinking": options.thinking, "thinking": options.thinking}
    if options.thinking is False:
        body["reasoning_effort"] = "none"  # OpenAI, Ollama, Gemini
    if options.reasoning_effort is not None:
        body["reasoning_effort"] = options.reasoning_effort
    arguments |= options.chat_template_arguments
    if arguments and not at_openai:
        body["chat_template_kwargs"] = arguments
    return body


def _constrained(prompt: Prompt, no_action: NoAction) -> tuple[Prompt, dict[str, Any]]:
    """The prompt without tools, and the field with the schema of an answer that may call them."""
    answering = answering_tool(prompt, no_action)
    in_words = constrained_prompt(prompt, answering)
    tools = callable_tools(prompt)
    if not tools:
        return in_words, {}
    schema = answer_schema(tools, answering, parallel=prompt.parallel_tool_calls is True)
    return in_words, {"response_format": response_format(schema)}


def chat_messages(prompt: Prompt) -> list[dict[str, Any]]:
    """The instructions and the context, as the API and chat templates have them."""
    system = [{"role": "system", "content": prompt.instructions}] if prompt.instructions else []
    return system + [_message(message) for message in prompt.messages]


def _message(message: Message) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images or message.speech:
        texts = [{"type": "text", "text": message.text}] if message.text else []
        images = [{"type": "image_url", "image_url": {"url": image}} for image in message.images]
        written["content"] = texts + images + [_input_audio(clip) for clip in message.speech]
    if message.tool_calls:
        written["tool_calls"] = [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.call_id is not None:
        written["tool_call_id"] = message.call_id
    return written


def _input_audio(clip: AudioClip) -> dict[str, Any]:
    data = pybase64.b64encode_as_string(wav_bytes(clip.pcm, INNER_RATE))
    return {"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}


def _tools(prompt: Prompt) -> dict[str, Any]:
    tools, choice = prompt.tools, prompt.tool_choice
    if prompt.forced_tool is not None:
        # The API has an object that names the tool. llama.cpp takes it for "auto" and LM Studio
        # refuses it; to be required to call the only tool there is means the same to all.
        tools, choice = callable_tools(prompt), "required"
    if not tools:
        return {}
    body: dict[str, Any] = {
        "tools": [function_tool(tool) for tool in tools],
        "tool_choice": choice,
    }
    if prompt.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = prompt.parallel_tool_calls
    return body


def function_tool(tool: FunctionTool) -> dict[str, Any]:
    """A tool as the API and chat templates have it."""
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters or _NO_PARAMETERS}
    if tool.description is not None:
        function["description"] = tool.description
    return {"type": "function", "function": function}
