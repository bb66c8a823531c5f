"""Reads an answer that is JSON by the schema of `constrained_request`, while it is written."""

import re
from collections.abc import Generator

from vivavoce.engines.base import EngineError, ModelOutput, TextDelta, ToolCallDelta
from vivavoce.engines.llm.call_forms import UnreadableCallError, WrittenCall, read_json_calls
from vivavoce.engines.llm.json_text import JsonEnd, JsonString

_BEGINNING = re.compile(r"\s*[\[{]")
_BETWEEN = re.compile(r"[\s,\[]*(?=\{)|\s*\]")
# With the keys in the order of the schema an answer is spoken, and a call handed on, as it comes.
_NAME = re.compile(r'\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\{)')
_FIRST_KEY = re.compile(r'\{\s*"((?:[^"\\]|\\.)*)"')
_MESSAGE = re.compile(r'\{\s*"message"\s*:\s*"')
_NAMED_FIRST = "name"

LONGEST_HEAD = 64 * 1024
"""Characters that are held until it is known what is called."""

_Steps = Generator[None, None, None]
"""A part of the reading: it yields when it needs more text."""


class ConstrainedAnswer:
    """One answer: what the function named `answering` is called with is said."""

    def __init__(self, answering: str | None) -> None:
        self._answering = answering
        self._held = ""
        self._outputs: list[ModelOutput] = []
        self._calls = 0
        self._complete = False
        self._reading = self._read()
        next(self._reading)

    def receive(self, text: str) -> list[ModelOutput]:
        """Take more of the answer; raises `EngineError` for what is not by the schema."""
        self._held += text
        if self._complete:
            return []
        try:
            next(self._reading)
        except StopIteration:
            self._complete = True
        except ValueError as error:
            raise self._not_by_schema(str(error)) from error
        if len(self._held) > LONGEST_HEAD:
            raise self._not_by_schema(f"it goes on beyond {LONGEST_HEAD} characters")
        outputs, self._outputs = self._outputs, []
        return outputs

    def finish(self, *, cut: bool) -> list[ModelOutput]:
        """Everything was handed on; raises `EngineError` if the end is missing."""
        self._reading.close()
        if not self._complete and not cut:
            raise self._not_by_schema("it ends in the middle")
        return []

    def _read(self) -> _Steps:
        yield
        while not _BEGINNING.match(self._held):
            if self._held.strip():
                raise ValueError("it is no JSON")
            yield
        in_array = self._held.lstrip().startswith("[")
        while True:
            while not (between := _BETWEEN.match(self._held)):
                yield
            self._held = self._held[between.end() :]
            if not self._held.startswith("{"):
                return
            yield from self._read_call()
            if not in_array:
                return

    def _read_call(self) -> _Steps:
        while not (head := _NAME.match(self._held)):
            first = _FIRST_KEY.match(self._held)
            if first and first[1] != _NAMED_FIRST:
                yield from self._read_whole()
                return
            yield
        name = _unquoted(head[1])
        self._held = self._held[head.end() :]
        if name == self._answering:
            yield from self._read_message()
        else:
            yield from self._read_arguments(name)
        yield from self._read_to_end()

    def _read_message(self) -> _Steps:
        while not (opening := _MESSAGE.match(self._held)):
            yield
        self._held = self._held[opening.end() :]
        string = JsonString()
        while True:
            said, rest = string.receive(self._held)
            self._say(said)
            if rest is not None:
                self._held = "{" + rest  # what is left of the arguments, as an object
                break
            self._held = ""
            yield
        yield from self._pass_value()

    def _read_arguments(self, name: str) -> _Steps:
        index, self._calls = self._calls, self._calls + 1
        self._outputs.append(ToolCallDelta(index=index, name=name))
        end = JsonEnd()
        while (position := end.receive(self._held)) is None:
            self._hand_on(index, self._held)
            self._held = ""
            yield
        self._hand_on(index, self._held[:position])
        self._held = self._held[position:]

    def _read_whole(self) -> _Steps:
        """An object whose keys come in another order, as servers write that sort them."""
        end, seen = JsonEnd(), 0
        while (position := end.receive(self._held[seen:])) is None:
            seen = len(self._held)
            yield
        whole, self._held = self._held[: seen + position], self._held[seen + position :]
        for call in read_json_calls(whole, {}):
            self._take_whole(call)

    def _take_whole(self, call: WrittenCall) -> None:
        if call.name == self._answering:
            answer = JsonString()
            opening = _MESSAGE.match(call.arguments)
            if opening is None:
                raise UnreadableCallError("its answer has no message")
            self._say(answer.receive(call.arguments[opening.end() :])[0])
            return
        self._outputs.append(
            ToolCallDelta(index=self._calls, name=call.name, arguments=call.arguments)
        )
        self._calls += 1

    def _pass_value(self) -> _Steps:
        end = JsonEnd()
        while (position := end.receive(self._held)) is None:
            self._held = ""
            yield
        self._held = self._held[position:]

    def _read_to_end(self) -> _Steps:
        """To the end of the call's own object, behind its arguments."""
        while not (closing := re.match(r"\s*\}", self._held)):
            if self._held.strip():
                raise ValueError("something stands behind its arguments")
            yield
        self._held = self._held[closing.end() :]

    def _say(self, text: str) -> None:
        if text:
            self._outputs.append(TextDelta(text))

    def _hand_on(self, index: int, arguments: str) -> None:
        if arguments:
            self._outputs.append(ToolCallDelta(index=index, arguments=arguments))

    def _not_by_schema(self, why: str) -> EngineError:
        return EngineError(
            f"the answer does not follow the JSON schema that came with the question: {why}. Does "
            "the server know response_format json_schema? If not, set tools: native",
            code="invalid_response",
        )


def _unquoted(name: str) -> str:
    return JsonString().receive(name[1:])[0]
