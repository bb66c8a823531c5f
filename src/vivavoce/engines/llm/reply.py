"""Chooses the rule of a script that answers a prompt, and makes its reply: a pure function.

A reply depends on nothing but the script, the prompt and the time. Which of several texts is
used, and what earlier rules captured, is read off the conversation: equal prompts get equal
replies, and sessions share a script without sharing anything else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from vivavoce.engines.base import EngineError
from vivavoce.engines.llm.placeholders import Placeholders
from vivavoce.engines.llm.reply_rules import Failure, NamedTool, ReplyScript, Rule
from vivavoce.engines.llm.reply_template import Lookup, Template
from vivavoce.engines.llm.situation import Situation, read_situation
from vivavoce.engines.llm.tool_calls import (
    Call,
    Question,
    call_demanded,
    call_named,
    call_written,
    callable_tools,
    must_call,
)
from vivavoce.protocol.prompt import FunctionTool, Prompt


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, then what to call, then how to fail; times in milliseconds."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    failure: Failure | None = None
    delay_ms: int = 0
    token_ms: int = 0


def compose_reply(script: ReplyScript, prompt: Prompt, now: datetime) -> Reply:
    """Answer `prompt` by `script`; raises `EngineError` where the script has no answer."""
    return _Answer(script, read_situation(prompt), prompt, callable_tools(prompt), now).compose()


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer in the making: the script, and all that it may look at."""

    script: ReplyScript
    situation: Situation
    prompt: Prompt
    tools: tuple[FunctionTool, ...]
    now: datetime

    def compose(self) -> Reply:
        demanded = must_call(self.prompt)
        reply = None if demanded else self._after_tool()
        for rule in self.script.rules:
            if reply is None and rule.event == self.situation.event and self._allows(rule):
                reply = self._follow(rule)
        if reply is not None:
            return reply
        if demanded:
            return Reply(calls=(call_demanded(self.tools, self.situation),))
        if self.situation.event == "tool_result":
            return Reply(text=self._placeholders({}).lookup("result") or "")
        raise EngineError(self._unanswered(), code="no_matching_rule")

    def _allows(self, rule: Rule) -> bool:
        """Whether `tool_choice` lets this rule answer."""
        if not rule.call:
            return rule.failure is not None or not must_call(self.prompt)
        if self.prompt.forced_tool is not None and not isinstance(rule.call, NamedTool):
            return all(call.tool == self.prompt.forced_tool for call in rule.call)
        return bool(self.tools) or self.prompt.tool_choice != "none"

    def _follow(self, rule: Rule) -> Reply | None:
        """The reply of `rule`; None if it does not fit or a placeholder has no value."""
        captured = rule.match(self.situation.text)
        if captured is None:
            return None
        lookup = self._placeholders(captured).lookup
        text = _in_turn(rule, rule.say, self.situation.earlier).render(lookup)
        calls = None if text is None else self._calls(rule, lookup)
        if text is None or calls is None:
            return None
        if isinstance(calls, Question):
            text, calls = calls.text, ()
        return Reply(text, calls, rule.failure, rule.delay_ms, rule.token_ms)

    def _after_tool(self) -> Reply | None:
        """The `after_tool` of the rule that made the calls whose results are there, if they are."""
        for rule in self.script.rules:
            captured = rule.match(self.situation.said) if rule.after_tool else None
            if captured is not None and self._made_the_calls(rule):
                lookup = self._placeholders(captured).lookup
                template = _in_turn(rule, rule.after_tool, self.situation.said_before)
                text = template.render(lookup)
                if text is not None:
                    return Reply(text, delay_ms=rule.delay_ms, token_ms=rule.token_ms)
        return None

    def _made_the_calls(self, rule: Rule) -> bool:
        called = self.situation.called
        if isinstance(rule.call, NamedTool):
            return bool(called)
        return not called.isdisjoint(call.tool for call in rule.call)

    def _calls(self, rule: Rule, lookup: Lookup) -> tuple[Call, ...] | Question | None:
        if isinstance(rule.call, NamedTool):
            found = call_named(self.tools, self.situation)
            if isinstance(found, Question) and must_call(self.prompt):
                return None
            return (found,) if isinstance(found, Call) else found
        calls = [call_written(call, self.tools, lookup, rule.label) for call in rule.call]
        made = tuple(call for call in calls if call is not None)
        return made if len(made) == len(calls) else None

    def _placeholders(self, captured: dict[str, str]) -> Placeholders:
        return Placeholders(self.script, self.situation, captured, self.prompt.tools, self.now)

    def _unanswered(self) -> str:
        asked = f"event `{self.situation.event}`"
        if self.situation.event == "words":
            asked = f"the words {self.situation.text[:100]!r}"
        return f"no rule of the reply script answers {asked}; a last rule without `when` would"


def _in_turn(rule: Rule, texts: Sequence[Template], earlier: Sequence[str]) -> Template:
    """The text whose turn it is, by how many `earlier` texts the rule fits."""
    if not texts:
        return Template(())
    return texts[sum(rule.match(text) is not None for text in earlier) % len(texts)]
