"""Numbers the tool calls of one answer, whose pieces servers mark in different ways."""

from dataclasses import dataclass

import msgspec

from vivavoce.engines.base import ModelOutput, ToolCallDelta
from vivavoce.engines.llm.chat_chunk import Function, ToolCallPiece


@dataclass(slots=True)
class _Call:
    """What came of one call so far. Until it has a name, nothing of it is given."""

    number: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    given: bool = False


class NumberedCalls:
    """Tells which pieces belong to one call.

    The protocol gives each call an index, and an id and the name with its first piece. Gemini's
    server leaves out the index, others say 0 for all parallel calls, leave out the id or write it
    as "", and some bring id or name later. So another id begins a call whatever the index says;
    and so does a name behind arguments that are complete, or that is another.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int | None, _Call] = {}

    def receive(self, piece: ToolCallPiece) -> list[ToolCallDelta]:
        """Take more of a call, and give what is known of it by now."""
        function = piece.function or Function()
        call = self._by_index.get(piece.index)
        if call is None or _begins_another(piece, function, call):
            call = self._by_index[piece.index] = _Call(len(self._calls))
            self._calls.append(call)
        call.id = call.id or piece.id or ""
        call.name = call.name or function.name or ""
        more = function.arguments or ""
        call.arguments += more
        if call.given:
            return [ToolCallDelta(index=call.number, arguments=more)] if more else []
        return [_first(call)] if call.name else []

    def numbered(self, outputs: list[ModelOutput]) -> list[ModelOutput]:
        """Number the calls that were found in the text among the others."""
        numbered: list[ModelOutput] = []
        for output in outputs:
            if isinstance(output, ToolCallDelta):
                numbered += self._found(output)
            else:
                numbered.append(output)
        return numbered

    def finish(self) -> list[ToolCallDelta]:
        """Give the calls that never got a name, and the empty object to those without arguments."""
        rest: list[ToolCallDelta] = []
        for call in self._calls:
            if not call.given:
                rest.append(_first(call))
            if not call.arguments:
                rest.append(ToolCallDelta(index=call.number, arguments="{}"))
        return rest

    def _found(self, call: ToolCallDelta) -> list[ToolCallDelta]:
        function = Function(name=call.name, arguments=call.arguments)
        # Negative, for a server's own begin at 0.
        return self.receive(ToolCallPiece(index=-1 - call.index, function=function))


def _first(call: _Call) -> ToolCallDelta:
    call.given = True
    return ToolCallDelta(
        index=call.number, arguments=call.arguments, name=call.name, call_id=call.id or None
    )


def _begins_another(piece: ToolCallPiece, function: Function, call: _Call) -> bool:
    """Whether this is of another call than the last one with its index."""
    if piece.id and call.id:
        return piece.id != call.id
    if not function.name or not call.name:
        return False
    return function.name != call.name or bool(function.arguments and _is_complete(call.arguments))


def _is_complete(arguments: str) -> bool:
    try:
        msgspec.json.decode(arguments, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True
