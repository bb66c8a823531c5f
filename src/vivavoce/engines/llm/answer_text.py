"""The text of a streamed answer, once its reasoning is gone: what of it is said, what is a call."""

from typing import Protocol

from vivavoce.engines.base import ModelOutput, TextDelta


class AnswerText(Protocol):
    """Reads the text of one answer. However it is cut into pieces, the same is said and called.

    `finish` is called once, behind the last piece; `cut` is true if the answer was ended from
    outside, as by the limit of tokens. Tool calls are numbered from 0. Both raise `EngineError`
    for an answer that can be neither said nor done.
    """

    def receive(self, text: str) -> list[ModelOutput]:
        """Take the next piece."""
        ...

    def finish(self, *, cut: bool) -> list[ModelOutput]:
        """Give what was held back."""
        ...


class PlainText:
    """All of it is said."""

    def receive(self, text: str) -> list[ModelOutput]:
        """Pass it on."""
        return [TextDelta(text)] if text else []

    def finish(self, *, cut: bool) -> list[ModelOutput]:  # noqa: ARG002 (nothing was held back)
        """Nothing is left."""
        return []
