"""The rules of a reply script, checked and compiled; `reply_script` reads them from YAML."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from vivavoce.engines.llm.reply_template import Template

Event = Literal["words", "tool_result", "inaudible", "silence", "opening"]
"""What a rule answers: a user's message, the output of a tool, speech that could not be
recognised, the silence of an idle timeout, or a request for an answer when the user has said
nothing new."""


class Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `EngineError` that a rule ends with."""

    message: str
    code: str = "engine_error"


@dataclass(frozen=True, slots=True)
class CallTemplate:
    """A call of `tool`. Strings anywhere in `arguments` have become templates."""

    tool: str
    arguments: Mapping[str, Any]

    def templates(self) -> Iterator[Template]:
        """Give the templates in its arguments."""
        waiting: list[Any] = [self.arguments]
        while waiting:
            match waiting.pop():
                case Template() as template:
                    yield template
                case dict() as fields:
                    waiting += fields.values()
                case list() as items:
                    waiting += items


@dataclass(frozen=True, slots=True)
class NamedTool:
    """A call of whichever offered tool the words name, with arguments drawn from the words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `label` names it in messages; no `patterns` means that it always fits."""

    label: str
    event: Event
    patterns: tuple[re.Pattern[str], ...]
    say: tuple[Template, ...]
    call: tuple[CallTemplate, ...] | NamedTool
    after_tool: tuple[Template, ...]
    failure: Failure | None
    delay_ms: int
    token_ms: int

    @property
    def captures(self) -> frozenset[str]:
        """The names that its patterns capture."""
        return frozenset(name for pattern in self.patterns for name in pattern.groupindex)

    def match(self, text: str) -> dict[str, str] | None:
        """Give what the first fitting pattern captures from `text`; None if none fits."""
        if not self.patterns:
            return {}
        for pattern in self.patterns:
            found = pattern.search(text)
            if found:
                captured = found.groupdict()
                return {name: value.strip() for name, value in captured.items() if value}
        return None


@dataclass(frozen=True, slots=True)
class ReplyScript:
    """A script's rules in their order; `source` names the file in messages."""

    source: str
    rules: tuple[Rule, ...]
