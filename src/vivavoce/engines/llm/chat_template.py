"""Chat templates: a prompt as the one text that a raw completion goes on from.

A template is Jinja, as in a model's `tokenizer_config.json` or `chat_template.jinja`, and gets
what Hugging Face's libraries give: `messages`, `tools`, `add_generation_prompt`. The tokens that
begin and end a text are empty, since servers put them there themselves.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from vivavoce.engines.base import EngineError, MissingDependencyError

CHATML = """\
{%- if messages and messages[0].role == 'system' %}
    {%- set system, messages = messages[0].content, messages[1:] %}
{%- endif %}
{%- if system or tools %}
    {{- '<|im_start|>system\\n' + (system or '') }}
    {%- if tools %}
        {{- ('\\n\\n' if system else '') + 'You can call these functions:\\n<tools>' }}
        {%- for tool in tools %}{{ '\\n' + (tool.function | tojson) }}{% endfor %}
        {{- '\\n</tools>\\nTo call one, write this and nothing else:\\n<tool_call>\\n' }}
        {{- '{"name": the function, "arguments": an object}\\n</tool_call>' }}
    {%- endif %}
    {{- '<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {{- '<|im_start|>' + ('user' if message.role == 'tool' else message.role) + '\\n' }}
    {%- if message.role == 'tool' %}
        {{- '<tool_response>\\n' + message.content + '\\n</tool_response>' }}
    {%- else %}
        {{- message.content }}
    {%- endif %}
    {%- for call in message.tool_calls or [] %}
        {{- '\\n<tool_call>\\n{"name": ' + (call.function.name | tojson) + ', "arguments": ' }}
        {{- (call.function.arguments | tojson) + '}\\n</tool_call>' }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- endfor %}
{{- '<|im_start|>assistant\\n' if add_generation_prompt }}"""
"""ChatML, with tools as Hermes and Qwen know them."""

CHATML_STOP = ("<|im_end|>",)
"""What ends an answer in ChatML."""


class ChatTemplate:
    """A compiled template. Raises `MissingDependencyError` without Jinja, `EngineError` for none.

    It runs in Jinja's sandbox: a template comes from whoever made the model.
    """

    def __init__(self, source: str) -> None:
        try:
            from jinja2 import TemplateError
            from jinja2.sandbox import ImmutableSandboxedEnvironment
        except ImportError as error:
            raise MissingDependencyError(
                "chat templates need Jinja2; pip install 'vivavoce[completions]' brings it"
            ) from error
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.filters["tojson"] = _tojson
        environment.globals |= {"raise_exception": _refuse, "strftime_now": _now}
        self._error = TemplateError
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise EngineError(
                f"the chat template: {error}", code="invalid_configuration"
            ) from error

    def render(
        self,
        messages: list[dict[str, Any]],
        tools: list[dict[str, Any]],
        arguments: Mapping[str, Any],
    ) -> str:
        """The text that the answer goes on from; `arguments` are the template's own.

        Raises `EngineError` for messages that the template refuses.
        """
        given = {"bos_token": "", "eos_token": "", **arguments}
        try:
            text: str = self._template.render(
                messages=messages, tools=tools or None, add_generation_prompt=True, **given
            )
        except self._error as error:
            raise EngineError(
                f"the chat template cannot write this conversation: {error}",
                code="invalid_request",
            ) from error
        return text


def _tojson(value: Any, indent: int | None = None) -> str:
    # Jinja's own escapes HTML, which would reach the model.
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> NoReturn:
    from jinja2 import TemplateError

    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)
