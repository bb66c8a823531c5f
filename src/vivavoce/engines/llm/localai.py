"""A language model in one of LocalAI's backends: llama.cpp, vLLM, MLX, transformers, …

One `PredictStream` per answer. Closing the iterator, or cancelling the task that reads it, cancels
the call, at which the backend stops generating.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar, Self

from vivavoce.engines.base import EngineError, ModelOutput
from vivavoce.engines.limits import limits_of
from vivavoce.engines.llm.answer_options import AnswerOptions
from vivavoce.engines.llm.chat_stream import ChatStream
from vivavoce.engines.llm.localai_reply import ReplyReader
from vivavoce.engines.llm.localai_request import predict_options
from vivavoce.engines.llm.openai_compatible import answer_text
from vivavoce.engines.localai.opening import prepared
from vivavoce.engines.localai.settings import (
    BackendSettings,
    BackendTimeouts,
    Limits,
    check_fields,
    misconfigured,
)
from vivavoce.protocol.prompt import Prompt

if TYPE_CHECKING:
    from vivavoce.engines.localai.calls import Backend


class LocalAIModel:
    """A model in the backend at `address`.

    `load`, `api_key` and `timeouts` are as in `BackendSettings`; `predict` are fields of the
    protocol's `PredictOptions` for every answer, over LocalAI's own defaults, such as
    `{TopK: 20, Tokens: 512}`. The other options are those of every model (`AnswerOptions`), but
    for `extra_body` and `tools: constrained`, which this protocol has no place for.

    The backend makes the prompt by the model's own chat template (`UseTokenizerTemplate`), and
    calls come as its parser finds them; those that it leaves in the text are found there. Pictures
    reach it from the last message only, as in LocalAI. `parallel_tool_calls` has no effect.
    """

    name: ClassVar[str] = "localai"

    def __init__(
        self,
        address: str,
        load: Mapping[str, Any] | None = None,
        predict: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        timeouts: Limits = None,
        **options: Any,
    ) -> None:
        self._settings = BackendSettings(
            address, load or {}, api_key, limits_of(BackendTimeouts, timeouts)
        )
        check_fields("predict", "PredictOptions", predict or {})
        self._predict = dict(predict or {})
        self._options = AnswerOptions.of(options)
        if self._options.tools != "native":
            raise misconfigured("tools: a backend takes no JSON schema; leave out 'constrained'")
        if self._options.extra_body:
            raise misconfigured("extra_body: a backend has no such thing; set fields in predict")
        self._backend: Backend | None = None

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from an address, as in `127.0.0.1:50051`."""
        return cls(spec.strip())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.address!r})"

    def load(self) -> None:
        """Ask whether the backend is there, and have it load the model.

        Raises `MissingDependencyError` without gRPC, and `EngineError`.
        """
        self._backend = prepared(self._settings)

    async def close(self) -> None:
        """Close the connection to the backend."""
        backend, self._backend = self._backend, None
        if backend is not None:
            await backend.close()

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        """Stream the answer to `prompt`; raises `EngineError`."""
        if self._backend is None:
            raise EngineError("localai is not loaded")
        stream = ChatStream(
            answer_text(prompt, self._options), thinks_first=self._options.thinks_first
        )
        reader = ReplyReader(stream, prompt.max_output_tokens)
        request = predict_options(prompt, self._options, self._predict)
        async with aclosing(self._backend.replies("PredictStream", request)) as replies:
            async for reply in replies:
                for output in reader.receive(reply):
                    yield output
        for output in reader.finish():
            yield output
