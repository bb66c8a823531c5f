"""Handing on the pieces of a transcript so that none has ever to be taken back."""

from collections.abc import Callable

from vivavoce.engines.stt.noise import NoiseRules, may_be_invented


class HeldDeltas:
    """Collects the pieces of a text and hands them on, once it cannot turn out to be noise.

    A text that begins like a well-known invention waits until it goes on differently. White
    space at the beginning is dropped, and at the end it waits for a word. All pieces that were
    handed on, joined, are `sent`, and `text` begins with it.
    """

    def __init__(self, on_delta: Callable[[str], None], rules: NoiseRules) -> None:
        self.text = ""
        self.sent = ""
        self._on_delta = on_delta
        self._rules = rules

    def push(self, piece: str) -> None:
        """Take a further piece."""
        self.text = (self.text + piece).lstrip()
        if self.sent or not may_be_invented(self.text, self._rules):
            self._hand_on(self.text.rstrip())

    def finish(self) -> str:
        """The text is complete, and is speech: hand on the rest and give all of it."""
        self._hand_on(self.text.rstrip())
        return self.sent

    def _hand_on(self, text: str) -> None:
        rest = text[len(self.sent) :]
        if rest:
            self.sent = text
            self._on_delta(rest)
