"""Any server of OpenAI's chat completions API: Ollama, llama.cpp, vLLM, LM Studio, OpenAI, …

One POST and one event stream per answer, over aiohttp. Closing the iterator, or cancelling the
task that reads it, closes the connection, which is how such servers learn to stop generating::

    model = OpenAICompatibleModel.from_spec("http://localhost:11434/v1#qwen3")
    async with aclosing(model.generate(prompt)) as outputs:
        async for output in outputs:
            ...
    await model.close()
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

import msgspec

from vivavoce.engines.base import EngineError, ModelOutput
from vivavoce.engines.llm.chat_client import ChatClient, Timeouts
from vivavoce.engines.llm.chat_failures import UnavailableError
from vivavoce.engines.llm.chat_request import RESERVED, chat_request
from vivavoce.engines.llm.chat_stream import ChatStream
from vivavoce.protocol.prompt import Prompt

_EXAMPLE = "http://localhost:11434/v1#qwen3"


class OpenAICompatibleModel:
    """A model on a chat completions server.

    `base_url` is where the server's API begins (`http://localhost:11434/v1`), `model` a name that
    it knows. `temperature` is used where a prompt has none; `extra_body` is added to every
    request and goes over what would stand there. The key shows neither in errors nor in `repr`.

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
        temperature: float | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        _check_base_url(base_url)
        _check_model(base_url, model)
        _check_api_key(api_key)
        self._model = model
        self._temperature = temperature
        self._extra_body = _checked_extra_body(extra_body or {})
        # OpenAI's newer models refuse `max_tokens`; Ollama and others know nothing else.
        at_openai = urlsplit(base_url).hostname == "api.openai.com"
        self._token_limit = "max_completion_tokens" if at_openai else "max_tokens"
        self._url = f"{base_url.rstrip('/')}/chat/completions"
        self._timeouts = timeouts or Timeouts()
        self._client = ChatClient(self._url, model=model, api_key=api_key, timeouts=self._timeouts)

    @classmethod
    def from_spec(
        cls,
        spec: str,
        *,
        api_key: str | None = None,
        temperature: float | None = None,
        extra_body: Mapping[str, Any] | None = None,
        timeouts: Timeouts | None = None,
    ) -> Self:
        """Make one from `URL#MODEL`, as in `http://localhost:11434/v1#qwen3`."""
        base_url, _, model = spec.partition("#")
        return cls(
            base_url.strip(),
            model.strip(),
            api_key=api_key,
            temperature=temperature,
            extra_body=extra_body,
            timeouts=timeouts,
        )

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
        request = chat_request(
            prompt,
            model=self._model,
            token_limit=self._token_limit,
            temperature=self._temperature,
            extra_body=self._extra_body,
        )
        body = msgspec.json.encode(request)
        for pause in (*self._timeouts.retry_pauses, None):
            stream = ChatStream()
            try:
                async with aclosing(self._client.attempt(body, stream)) as outputs:
                    async for output in outputs:
                        yield output
                return
            except UnavailableError as error:
                asked = error.retry_after or 0.0
                if stream.started or pause is None or asked > self._timeouts.longest_pause:
                    raise
                pause_s = max(pause, asked)
            await asyncio.sleep(pause_s)


def _misconfigured(message: str) -> EngineError:
    return EngineError(message, code="invalid_configuration")


def _check_base_url(base_url: str) -> None:
    try:
        parts = urlsplit(base_url)
        complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # an address or a port that is none
        complete = False
    if not complete:
        raise _misconfigured(
            f"{base_url!r} is not the URL of a chat completions server; one is {_EXAMPLE}"
        )
    # These may hold a secret, and are not repeated.
    if parts.username is not None or parts.password is not None:
        raise _misconfigured(
            "the URL of the language model holds a user name or a password; give the server's "
            "key as VIVAVOCE_LLM_API_KEY in the environment"
        )
    if parts.query:
        raise _misconfigured(
            "the URL of the language model has a query (?…), which the API does not know"
        )
    if parts.path.rstrip("/").endswith("/chat/completions"):
        raise _misconfigured(f"{base_url!r} goes too far: leave out /chat/completions")


def _check_model(base_url: str, model: str) -> None:
    if not model:
        raise _misconfigured(f"{base_url!r} names no model: write URL#MODEL, as in {_EXAMPLE}")


def _check_api_key(api_key: str | None) -> None:
    if api_key is None:
        return
    if not (api_key.strip() and api_key.isascii() and api_key.isprintable()):
        raise _misconfigured(
            "the API key of the language model is empty or holds what no key does, as a line end"
        )


def _checked_extra_body(extra_body: Mapping[str, Any]) -> dict[str, Any]:
    taken = RESERVED.intersection(extra_body)
    if taken:
        raise _misconfigured(
            f"the extra body for the language model cannot set {min(taken)!r}: "
            "that comes from the session"
        )
    return dict(extra_body)
