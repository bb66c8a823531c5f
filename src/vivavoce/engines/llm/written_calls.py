"""Recognises tool calls that a model wrote into its text, and never lets them be spoken.

Markup that means nothing but a call (`call_forms.FORMS`) is one wherever it stands; if it cannot
be read, or names a tool that was not offered, the answer fails and says so. JSON that looks like
a call, at the beginning of an answer or in a fence, is one if it names a tool that was offered;
else it is text, for it may be what the user asked for.
"""

import re
from collections.abc import Iterable

from vivavoce.engines.base import EngineError, ModelOutput, TextDelta, ToolCallDelta
from vivavoce.engines.llm.call_forms import (
    FORMS,
    Form,
    UnreadableCallError,
    WrittenCall,
    read_json_calls,
)
from vivavoce.engines.llm.json_text import JsonEnd
from vivavoce.engines.llm.markers import Markers
from vivavoce.protocol.prompt import FunctionTool

LONGEST_CALL = 256 * 1024
"""Characters: more than that is not held back for the end of a call."""

_FENCE = "```"
_FORMS = {form.opening: form for form in FORMS}
_OPENINGS = Markers((*_FORMS, _FENCE))
_CLOSINGS = {form: Markers(form.closings) for form in FORMS}
_FENCED_TAGS = ("", "json", "tool_call", "tool_calls", "tool_code")
_KEYS = tuple(
    f'"{key}"' for key in ("name", "function", "type", "id", "arguments", "parameters", "args")
)


class WrittenCalls:
    """Reads one answer. `tools` may be called; it may be none of those that the model knows of."""

    def __init__(self, tools: Iterable[FunctionTool]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._calls = 0
        self._held = ""
        self._at_start = True
        """Nothing but blanks so far, or since the last call."""
        self._form: Form | None = None
        """Of the call whose inside is being written."""

    def receive(self, text: str) -> list[ModelOutput]:
        """Take more of the answer; raises `EngineError` for a call that cannot be made."""
        self._held += text
        outputs: list[ModelOutput] = []
        while (step := self._step()) is not None:
            outputs += step
        if len(self._held) > LONGEST_CALL:
            raise self._unreadable(f"it goes on beyond {LONGEST_CALL} characters")
        return outputs

    def finish(self, *, cut: bool) -> list[ModelOutput]:
        """The answer is over: make the call that was not closed, and say what was no call.

        A call that was cut off is dropped: the end of the answer tells of the limit.
        """
        held, self._held = self._held, ""
        if self._form is None:
            if not cut and (calls := self._offered(_unfenced(held))):
                return self._called(calls)
            return self._said(held)
        try:
            return self._called(self._sure(self._form, held))
        except EngineError:
            if cut:
                return []
            raise

    def _step(self) -> list[ModelOutput] | None:
        """What the held text gives by now; None if more has to come first."""
        if self._form is not None:
            return self._read_inside(self._form)
        if self._at_start:
            begun = self._held.lstrip()
            if not begun:
                return None
            if begun[0] in "{[" and not _may_be_opening(begun):
                return self._read_bare(begun)
        return self._read_text()

    def _read_text(self) -> list[ModelOutput] | None:
        before, opening, rest = _OPENINGS.split(self._held)
        if before:
            self._held = (opening or "") + rest
            return self._said(before)
        if opening is None:
            return None
        if opening == _FENCE:
            return self._read_fence(rest)
        self._form, self._held = _FORMS[opening], rest
        return []

    def _read_inside(self, form: Form) -> list[ModelOutput] | None:
        inside, closing, rest = (
            _CLOSINGS[form].split(self._held) if form.closings else ("", None, "")
        )
        if closing is None:
            return None
        self._form, self._held = None, rest
        return self._called(self._sure(form, inside))

    def _read_fence(self, inside: str) -> list[ModelOutput] | None:
        tag = re.match(r"[a-z_]*", inside)
        language = tag[0] if tag else ""
        if language == inside:
            possible = any(known.startswith(language) for known in _FENCED_TAGS)
        else:
            possible = language in _FENCED_TAGS and _may_be_call(inside[len(language) :])
        if not possible:
            return self._say_held(len(_FENCE))
        closing = _closing_fence(inside, len(language))
        if closing is None:
            return None
        return self._called_or_said(
            inside[len(language) : closing], inside[closing + len(_FENCE) :]
        )

    def _read_bare(self, begun: str) -> list[ModelOutput] | None:
        if not _may_be_call(begun):
            return self._say_held(1 + len(self._held) - len(begun))
        end = JsonEnd().receive(begun)
        if end is None:
            return None
        return self._called_or_said(begun[:end], begun[end:])

    def _called_or_said(self, value: str, rest: str) -> list[ModelOutput]:
        if calls := self._offered(value):
            self._held = rest
            return self._called(calls)
        return self._say_held(len(self._held) - len(rest))

    def _say_held(self, count: int) -> list[ModelOutput]:
        """Say this much of what is held: it is no call."""
        said, self._held = self._held[:count], self._held[count:]
        return self._said(said)

    def _said(self, text: str) -> list[ModelOutput]:
        if self._at_start and self._calls:
            text = text.lstrip()  # the blanks behind a call
        self._at_start = self._at_start and not text.strip()
        return [TextDelta(text)] if text else []

    def _called(self, calls: list[WrittenCall]) -> list[ModelOutput]:
        first, self._calls = self._calls, self._calls + len(calls)
        self._at_start = True
        return [
            ToolCallDelta(index=first + n, name=call.name, arguments=call.arguments)
            for n, call in enumerate(calls)
        ]

    def _offered(self, value: str) -> list[WrittenCall]:
        """The calls in JSON that may be something else; none if it is."""
        try:
            calls = read_json_calls(value, self._tools)
        except UnreadableCallError:
            return []
        return calls if all(call.name in self._tools for call in calls) else []

    def _sure(self, form: Form, inside: str) -> list[WrittenCall]:
        try:
            calls = form.read(inside, self._tools)
        except UnreadableCallError as error:
            raise self._unreadable(f"{error}: {form.opening}{inside[:200]}") from error
        for call in calls:
            if call.name not in self._tools:
                offered = ", ".join(self._tools) or "none"
                raise EngineError(
                    f"the model called the tool {call.name!r}, which it may not call now "
                    f"(it may: {offered})",
                    code="tool_not_offered",
                )
        return calls

    def _unreadable(self, why: str) -> EngineError:
        return EngineError(
            f"the model wrote a tool call that cannot be read; {why}", code="invalid_tool_call"
        )


def _may_be_opening(text: str) -> bool:
    """Whether a text begins with a form's opening, or with the beginning of one."""
    return not _OPENINGS.split(text)[0]


def _may_be_call(text: str) -> bool:
    """Whether JSON that begins like this can become a call, or an array of calls."""
    rest = re.sub(r"^\s*(\[\s*)?(\{\s*)?", "", text)
    return not rest or any(key.startswith(rest) or rest.startswith(key) for key in _KEYS)


def _closing_fence(inside: str, start: int) -> int | None:
    """Where the fence around JSON that begins at `start` ends: one in a string does not end it.

    A fence at the beginning of a line does, whatever the JSON: its strings have no line breaks.
    """
    value = inside[start:]
    end = JsonEnd().receive(value)
    if end is not None:
        closing = inside.find(_FENCE, start + end)
        return closing if closing >= 0 else None
    line = re.search(rf"\n[ \t]*(?={_FENCE})", value)
    return start + line.end() if line else None


def _unfenced(text: str) -> str:
    """What stands in a fence that was not closed."""
    return re.sub(rf"^\s*{_FENCE}[a-z_]*", "", text)
