"""Any server of OpenAI's older completions API, which goes on from a text: `/v1/completions`.

For servers, and for models without a chat template of their own, where there is no chat endpoint.
The prompt is written by a chat template here, and calls of tools are found in the text.
"""

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar, Self

from vivavoce.engines.base import EngineError, ModelOutput
from vivavoce.engines.limits import limits_of
from vivavoce.engines.llm.answer_options import AnswerOptions
from vivavoce.engines.llm.chat_client import ChatClient, Timeouts
from vivavoce.engines.llm.chat_request import (
    RESERVED,
    chat_messages,
    function_tool,
    sampling,
)
from vivavoce.engines.llm.chat_stream import ChatStream
from vivavoce.engines.llm.chat_template import CHATML, CHATML_STOP, ChatTemplate
from vivavoce.engines.llm.constrained_request import callable_tools
from vivavoce.engines.llm.written_calls import WrittenCalls
from vivavoce.engines.openai_http.settings import (
    Purpose,
    check_api_key,
    check_base_url,
    check_model,
    checked_extra_body,
    misconfigured,
)
from vivavoce.protocol.prompt import Prompt

_PURPOSE = Purpose(
    slot="language model",
    server="completions server",
    path="/completions",
    example="http://localhost:8000/v1#mistral-7b",
    key_setting="the engine's api_key",
)


class CompletionsModel:
    """A model on a completions server.

    `base_url` is where the server's API begins (`http://localhost:8000/v1`), `model` a name that
    it knows. `template` is the path of a Jinja file; by default it is ChatML, whose end of a turn
    is then a `stop` of the options too. `max_tokens` bounds answers of sessions that do not say:
    these servers' own default is 16. `options` are those of `AnswerOptions`, but for constrained
    tools. A call that has to be made is begun in the prompt, as `<tool_call>`.
    """

    name: ClassVar[str] = "completions"

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        template: str | None = None,
        max_tokens: int = 2048,
        timeouts: Mapping[str, Any] | Timeouts | None = None,
        **options: Any,
    ) -> None:
        check_base_url(base_url, _PURPOSE)
        check_model(base_url, model, _PURPOSE)
        check_api_key(api_key, _PURPOSE)
        if template is None:
            options = {"stop": CHATML_STOP, **options}
        self._options = AnswerOptions.of(options)
        if self._options.tools == "constrained":
            raise misconfigured("tools: constrained needs a chat completions server")
        checked_extra_body(self._options.extra_body, RESERVED, _PURPOSE)
        self._model = model
        self._max_tokens = max_tokens
        self._path = None if template is None else Path(template).expanduser()
        self._template: ChatTemplate | None = None
        self._url = f"{base_url.rstrip('/')}/completions"
        self._client = ChatClient(
            self._url, model=model, api_key=api_key, timeouts=limits_of(Timeouts, timeouts)
        )

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from `URL#MODEL`, as in `http://localhost:8000/v1#mistral-7b`."""
        base_url, _, model = spec.partition("#")
        return cls(base_url.strip(), model.strip())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url!r}, {self._model!r})"

    def load(self) -> None:
        """Read the template. Raises `EngineError`, and `MissingDependencyError` without Jinja."""
        try:
            source = CHATML if self._path is None else self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise misconfigured(
                f"the chat template {self._path} cannot be read: {error}"
            ) from error
        self._template = ChatTemplate(source)

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._client.close()

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        """Stream the answer to `prompt`; raises `EngineError`.

        Before the first token, a lost connection and a busy server get two more attempts.
        """
        if any(message.images for message in prompt.messages):
            raise EngineError(
                "a completions server takes no images; use a chat completions server",
                code="images_not_supported",
            )
        begun = _begun_call(prompt)
        request = {
            "model": self._model,
            "prompt": self._written(prompt) + begun,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": prompt.max_output_tokens or self._max_tokens,
            **sampling(prompt, self._options),
            **self._options.extra_body,
        }
        new_stream = self._stream_for(prompt, begun)
        async with aclosing(self._client.answer(request, new_stream)) as outputs:
            async for output in outputs:
                yield output

    def _written(self, prompt: Prompt) -> str:
        if self._template is None:
            raise EngineError("the chat template is not loaded")
        messages = chat_messages(prompt)
        for message in messages:
            for call in message.get("tool_calls", ()):
                # Templates write the arguments as JSON themselves.
                call["function"]["arguments"] = _object(call["function"]["arguments"])
        tools = [function_tool(tool) for tool in callable_tools(prompt)]
        return self._template.render(messages, tools, self._template_arguments())

    def _template_arguments(self) -> dict[str, Any]:
        thinking = self._options.thinking
        said = {} if thinking is None else {"enable_thinking": thinking, "thinking": thinking}
        return said | self._options.chat_template_arguments

    def _stream_for(self, prompt: Prompt, begun: str) -> Callable[[], ChatStream]:
        def new_stream() -> ChatStream:
            answer = WrittenCalls(callable_tools(prompt)) if prompt.tools else None
            if answer is not None and begun:
                answer.receive(begun)
            return ChatStream(answer, thinks_first=self._options.thinks_first and not begun)

        return new_stream


def _begun_call(prompt: Prompt) -> str:
    """The beginning of a call that has to be made; the model goes on from there."""
    tools = callable_tools(prompt)
    if prompt.forced_tool is not None and tools:
        return f'<tool_call>\n{{"name": {json.dumps(tools[0].name)}, "arguments": {{'
    if prompt.tool_choice == "required" and tools:
        return '<tool_call>\n{"name": "'
    return ""


def _object(arguments: str) -> Any:
    try:
        return json.loads(arguments or "{}")
    except json.JSONDecodeError:  # as an earlier model left it
        return arguments
