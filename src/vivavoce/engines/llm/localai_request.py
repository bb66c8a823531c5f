"""Writes a `Prompt` as the fields of LocalAI's `PredictOptions`."""

import json
from collections.abc import Mapping
from typing import Any

from vivavoce.engines.llm.answer_options import AnswerOptions
from vivavoce.engines.llm.chat_request import chat_request
from vivavoce.protocol.prompt import Prompt

DEFAULTS: dict[str, Any] = {
    "Seed": -1,
    "Temperature": 0.9,
    "TopP": 0.95,
    "TopK": 40,
    "TypicalP": 1.0,
    "TailFreeSamplingZ": 1.0,
    "MirostatTAU": 5.0,
    "MirostatETA": 0.1,
}
"""What LocalAI sends where a model's file says nothing: on this wire what is not sent is 0, and
0 would make every answer the same."""


def predict_options(
    prompt: Prompt, options: AnswerOptions, predict: Mapping[str, Any]
) -> dict[str, Any]:
    """Make the fields of a request; `predict` goes over the defaults, the session over both."""
    body = chat_request(prompt, model="", token_limit="max_tokens", options=options)
    fields: dict[str, Any] = DEFAULTS | dict(predict)
    fields["UseTokenizerTemplate"] = True
    fields["Messages"] = [_message(message) for message in body["messages"]]
    for field, key in _NUMBERS.items():
        if key in body:
            fields[field] = body[key]
    if "tools" in body:
        fields["Tools"] = json.dumps(body["tools"], ensure_ascii=False)
        fields["ToolChoice"] = json.dumps(body["tool_choice"])
    if images := _images(prompt):
        fields["Images"] = images
    if metadata := _metadata(body):
        fields["Metadata"] = dict(fields.get("Metadata", {})) | metadata
    return fields


_NUMBERS = {
    "Tokens": "max_tokens",
    "Temperature": "temperature",
    "TopP": "top_p",
    "StopPrompts": "stop",
}


def _message(message: Mapping[str, Any]) -> dict[str, str]:
    content = message["content"]
    if not isinstance(content, str):
        content = "\n".join(part["text"] for part in content if part["type"] == "text")
    written = {"role": message["role"], "content": content}
    if "tool_calls" in message:
        written["tool_calls"] = json.dumps(message["tool_calls"], ensure_ascii=False)
    if "tool_call_id" in message:
        written["tool_call_id"] = message["tool_call_id"]
    return written


def _images(prompt: Prompt) -> list[str]:
    """Those of the user's last message, in base64: a backend shows them there and nowhere else."""
    said = [message for message in prompt.messages if message.role == "user"]
    return [image.partition(",")[2] for image in said[-1].images] if said else []


def _metadata(body: Mapping[str, Any]) -> dict[str, str]:
    """What is meant for the chat template: in one field for llama.cpp, singly for the others."""
    arguments = dict(body.get("chat_template_kwargs", {}))
    if "reasoning_effort" in body:
        arguments["reasoning_effort"] = body["reasoning_effort"]
    if not arguments:
        return {}
    single = {name: _plain(value) for name, value in arguments.items()}
    return single | {"chat_template_kwargs": json.dumps(arguments)}


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
