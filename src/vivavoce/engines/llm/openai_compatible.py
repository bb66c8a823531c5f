"""Any server of OpenAI's chat completions API: Ollama, llama.cpp, vLLM, LM Studio, OpenAI, …

One POST and one event stream per answer, over aiohttp. Closing the iterator, or cancelling the
task that reads it, closes the connection, which is how such servers learn to stop generating::

    model = OpenAICompatibleModel.from_spec("http://localhost:11434/v1#qwen3")
    async with aclosing(model.generate(prompt)) as outputs:
        async for output in outputs:
            ...
    await model.close()
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

from vivavoce.engines.base import ModelOutput
from vivavoce.engines.limits import limits_of
from vivavoce.engines.llm.answer_options import AnswerOptions
from vivavoce.engines.llm.answer_text import AnswerText, PlainText
from vivavoce.engines.llm.chat_client import ChatClient, Timeouts
from vivavoce.engines.llm.chat_relay import Relayed, relayed_request
from vivavoce.engines.llm.chat_request import RESERVED, chat_request
from vivavoce.engines.llm.chat_stream import ChatStream
from vivavoce.engines.llm.constrained_answer import ConstrainedAnswer
from vivavoce.engines.llm.constrained_request import answering_tool, callable_tools
from vivavoce.engines.llm.written_calls import WrittenCalls
from vivavoce.engines.openai_http.settings import (
    Purpose,
    check_api_key,
    check_base_url,
    check_model,
    checked_extra_body,
)
from vivavoce.protocol.prompt import Prompt

_PURPOSE = Purpose(
    slot="language model",
    server="chat completions server",
    path="/chat/completions",
    example="http://localhost:11434/v1#qwen3",
    key_setting="VIVAVOCE_LLM_API_KEY in the environment",
)


class OpenAICompatibleModel:
    """A model on a chat completions server.

    `base_url` is where the server's API begins (`http://localhost:11434/v1`), `model` a name that
    it knows, `options` those of `AnswerOptions`. Beyond so many
    `connections` answers wait; 0 sets no limit. The key shows neither in errors nor in `repr`.

    Raises `EngineError` for what cannot be right. Whether the server is there shows with the
    first prompt: it may be started later than Vivavoce.
    """

    name: ClassVar[str] = "openai"

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None = None,
        timeouts: Mapping[str, Any] | Timeouts | None = None,
        connections: int = 0,
        **options: Any,
    ) -> None:
        check_base_url(base_url, _PURPOSE)
        check_model(base_url, model, _PURPOSE)
        check_api_key(api_key, _PURPOSE)
        self._model = model
        self._options = AnswerOptions.of(options)
        checked_extra_body(self._options.extra_body, RESERVED, _PURPOSE)
        # OpenAI's newer models refuse `max_tokens`; Ollama and others know nothing else.
        self._at_openai = is_openais(base_url)
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._client = ChatClient(
            self._url,
            model=model,
            api_key=api_key,
            timeouts=limits_of(Timeouts, timeouts),
            connections=connections,
        )

    @classmethod
    def from_spec(cls, spec: str, **settings: Any) -> Self:
        """Make one from `URL#MODEL`, as in `http://localhost:11434/v1#qwen3`."""
        base_url, _, model = spec.partition("#")
        return cls(base_url.strip(), model.strip(), **settings)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url!r}, {self._model!r})"

    def load(self) -> None:
        """Nothing to load: the server holds the model."""

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._client.close()

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        """Stream the answer to `prompt`; raises `EngineError`.

        Before the first token, a lost connection and a busy server get two more attempts.
        """
        request, new_stream = self.request_for(prompt), self.stream_for(prompt)
        async with aclosing(self._client.answer(request, new_stream)) as outputs:
            async for output in outputs:
                yield output

    def request_for(self, prompt: Prompt) -> dict[str, Any]:
        """The body of the request."""
        return chat_request(
            prompt,
            model=self._model,
            token_limit="max_completion_tokens" if self._at_openai else "max_tokens",
            options=self._options,
            at_openai=self._at_openai,
        )

    def relay(self, request: Mapping[str, Any]) -> AbstractAsyncContextManager[Relayed]:
        """Pass a chat completion through, for this model; raises `EngineError`."""
        body = relayed_request(
            request, model=self._model, options=self._options, at_openai=self._at_openai
        )
        return self._client.relay(body)

    def stream_for(self, prompt: Prompt) -> Callable[[], ChatStream]:
        """Makes what reads the answer, for each attempt anew."""

        def new_stream() -> ChatStream:
            answer = answer_text(prompt, self._options)
            return ChatStream(answer, thinks_first=self._options.thinks_first)

        return new_stream


def answer_text(prompt: Prompt, options: AnswerOptions) -> AnswerText:
    """What reads the text of an answer to this prompt."""
    tools = callable_tools(prompt)
    if options.tools == "constrained":
        answering = answering_tool(prompt, options.no_action)
        return ConstrainedAnswer(answering.name if answering else None) if tools else PlainText()
    return WrittenCalls(tools) if prompt.tools else PlainText()


def is_openais(base_url: str) -> bool:
    """Whether OpenAI itself is there; its regions have hosts of their own: `eu.api.openai.com`."""
    return f".{urlsplit(base_url).hostname}".endswith(".api.openai.com")
