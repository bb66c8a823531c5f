"""What an operator can say about the answers of a model, whichever engine has it."""

from collections.abc import Mapping
from typing import Any, Literal, Self

import msgspec

from vivavoce.engines.base import EngineError


class NoAction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The function that a model calls when it just answers, where it must always call one."""

    name: str = "answer"
    description: str = "Use this to answer the user in words, without performing any action."
    enabled: bool = True
    """False makes every answer a call of one of the session's tools, where there are any."""


class AnswerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model answers. What is None is left to the model's server."""

    temperature: float | None = None
    """Where the session has none."""
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    """An answer ends in front of any of these."""
    thinking: bool | None = None
    """False asks the model not to think before it answers, in all forms that servers know."""
    reasoning_effort: str | None = None
    """For models that always think: `low`, for one."""
    thinks_first: bool = False
    """The answer begins within the reasoning, because the chat template opens it. Needed only for
    servers that do not take reasoning apart themselves."""
    chat_template_arguments: dict[str, Any] = {}
    """Handed to the model's chat template, as llama.cpp, vLLM and SGLang do."""
    tools: Literal["native", "constrained"] = "native"
    """`constrained` is for models that were not made to call tools: each answer is a JSON object
    by a schema, a call of a tool or of the function of `no_action`."""
    no_action: NoAction = NoAction()
    extra_body: dict[str, Any] = {}
    """Added to each request, over what would stand there."""

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Self:
        """The options with these settings. Raises `EngineError` naming a wrong one."""
        try:
            return msgspec.convert(dict(settings), cls)
        except msgspec.ValidationError as error:
            raise EngineError(str(error), code="invalid_configuration") from error
