"""Takes the reasoning out of a streamed answer: it is not to be spoken.

The tags are those that models write which think aloud: DeepSeek, Qwen and most others `<think>`,
Magistral `[THINK]`, Seed `<seed:think>`, Gemma and gpt-oss channels.
"""

from vivavoce.engines.llm.markers import Markers

_PAIRS = {
    "<think>": "</think>",
    "<thinking>": "</thinking>",
    "<thought>": "</thought>",
    "<reasoning>": "</reasoning>",
    "<reflection>": "</reflection>",
    "<seed:think>": "</seed:think>",
    "[THINK]": "[/THINK]",
    "<|channel>thought": "<channel|>",
    # gpt-oss (harmony): https://github.com/openai/harmony. Its answer is a channel of its own.
    "<|channel|>analysis<|message|>": "<|end|>",
}
# What stands around an answer in channels. Calls have a channel too: `call_forms`.
_FRAMES = (
    "<|start|>assistant",
    "<|channel|>final<|message|>",
    "<|channel|>commentary<|message|>",
    "<|end|>",
    "<|return|>",
)
# A closing tag alone: a chat template opened the reasoning. Too late to hide what was said
# before it, but the tag itself is no word.
_CLOSINGS = tuple(close for close in _PAIRS.values() if close != "<|end|>")

_OUTSIDE = Markers((*_PAIRS, *_FRAMES, *_CLOSINGS))
_INSIDE = {close: Markers([close]) for close in _PAIRS.values()}


class ReasoningFilter:
    """Filters one answer. What may be the beginning of a tag is held back until that is known.

    With `thinks_first` the answer begins within a reasoning that `</think>` ends.
    """

    def __init__(self, *, thinks_first: bool = False) -> None:
        self._held = ""
        self._until = "</think>" if thinks_first else None
        self._just_closed = False

    def receive(self, text: str) -> str:
        """Take more of the answer and return what of it may be spoken."""
        text = self._held + text
        spoken = ""
        while True:
            before, marker, text = self._markers.split(text)
            if self._until is None:
                spoken += self._without_blank_lines(before)
            if marker is None:
                self._held = text
                return spoken
            self._just_closed = marker not in _PAIRS
            self._until = None if self._until else _PAIRS.get(marker)

    def finish(self) -> str:
        """The answer is over: return what was held back and turned out to be no tag."""
        return "" if self._until else self._without_blank_lines(self._held)

    @property
    def _markers(self) -> Markers:
        return _INSIDE[self._until] if self._until else _OUTSIDE

    def _without_blank_lines(self, text: str) -> str:
        """The answer begins behind the empty lines that follow its reasoning."""
        if self._just_closed:
            text = text.lstrip()
            self._just_closed = not text
        return text
