"""Writes a `Prompt` as the body of a chat completions request."""

from collections.abc import Mapping
from typing import Any

from vivavoce.protocol.prompt import FunctionTool, Message, Prompt

RESERVED = frozenset({"messages", "model", "stream", "tool_choice", "tools"})
"""Fields that the prompt decides: an extra body cannot set them."""

_NO_PARAMETERS = {"type": "object", "properties": {}}


def chat_request(
    prompt: Prompt,
    *,
    model: str,
    token_limit: str,
    temperature: float | None,
    extra_body: Mapping[str, Any],
) -> dict[str, Any]:
    """Make the body of a streamed request.

    `token_limit` is the name of the field for the greatest number of tokens; `temperature` is
    used where the prompt has none; what is in `extra_body` goes over everything else.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": _messages(prompt),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body |= _tools(prompt)
    if prompt.max_output_tokens is not None:
        body[token_limit] = prompt.max_output_tokens
    chosen = temperature if prompt.temperature is None else prompt.temperature
    if chosen is not None:
        body["temperature"] = chosen
    return body | dict(extra_body)


def _messages(prompt: Prompt) -> list[dict[str, Any]]:
    system = [{"role": "system", "content": prompt.instructions}] if prompt.instructions else []
    return system + [_message(message) for message in prompt.messages]


def _message(message: Message) -> dict[str, Any]:
    written: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.images:
        texts = [{"type": "text", "text": message.text}] if message.text else []
        written["content"] = texts + [
            {"type": "image_url", "image_url": {"url": image}} for image in message.images
        ]
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


def _tools(prompt: Prompt) -> dict[str, Any]:
    tools, choice = prompt.tools, prompt.tool_choice
    if prompt.forced_tool is not None:
        # The API has an object that names the tool. llama.cpp takes it for "auto" and LM Studio
        # refuses it; to be required to call the only tool there is means the same to all.
        tools = tuple(tool for tool in tools if tool.name == prompt.forced_tool)
        choice = "required"
    if not tools:
        return {}
    body: dict[str, Any] = {"tools": [_tool(tool) for tool in tools], "tool_choice": choice}
    if prompt.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = prompt.parallel_tool_calls
    return body


def _tool(tool: FunctionTool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters or _NO_PARAMETERS}
    if tool.description is not None:
        function["description"] = tool.description
    return {"type": "function", "function": function}
