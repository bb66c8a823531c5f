"""Takes `<think>…</think>` out of a streamed answer: reasoning is not to be spoken."""

_OPEN, _CLOSE = "<think>", "</think>"


class ReasoningFilter:
    """Filters one answer. What may be the beginning of a tag is held back until that is known."""

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._just_closed = False

    def receive(self, text: str) -> str:
        """Take more of the answer and return what of it may be spoken."""
        text = self._held + text
        spoken = ""
        while True:
            if self._just_closed:
                text = text.lstrip()  # the answer begins behind the empty lines
                self._just_closed = not text
            tag = _CLOSE if self._thinking else _OPEN
            before, found, after = text.partition(tag)
            if not found:
                break
            spoken += "" if self._thinking else before
            self._just_closed, self._thinking = self._thinking, not self._thinking
            text = after
        held = _beginning_of(tag, at_end_of=text)
        self._held = text[len(text) - held :]
        return spoken if self._thinking else spoken + text[: len(text) - held]

    def finish(self) -> str:
        """The answer is over: return what was held back and turned out to be no tag."""
        return "" if self._thinking else self._held


def _beginning_of(tag: str, *, at_end_of: str) -> int:
    """How many characters at the end of a text are the beginning of `tag`."""
    return next((n for n in range(len(tag) - 1, 0, -1) if at_end_of.endswith(tag[:n])), 0)
