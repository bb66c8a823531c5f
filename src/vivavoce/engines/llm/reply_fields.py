"""The fields of a reply script as they are written, and what they are compiled to."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec

from vivavoce.engines.llm.reply_rules import CallTemplate, Event, Failure, NamedTool, Rule
from vivavoce.engines.llm.reply_template import Template, parse_template

BUILT_IN = frozenset({"time", "date", "heard", "sum", "result", "tools"})
"""Placeholders that need no capture."""

Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=600_000)]
Texts = str | Annotated[list[str], msgspec.Meta(min_length=1)]


class FieldError(Exception):
    """A mistake in a field of a rule. The text names the field; the caller names the rule."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"field `{field}`: {problem}")


class CallFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`call`: a tool's name, and arguments in which strings are templates."""

    tool: str
    arguments: dict[str, Any] = {}


class RuleFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of `rules`."""

    name: str | None = None
    event: Event = "words"
    when: Texts | None = None
    say: Texts | None = None
    call: CallFields | list[CallFields] | Literal["named tool"] | None = None
    after_tool: Texts | None = None
    fail: Failure | None = None
    delay_ms: Milliseconds | None = None
    token_ms: Milliseconds | None = None


class ScriptFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file. `rules` stay as they are, so that a mistake in one names that one."""

    rules: Annotated[list[Any], msgspec.Meta(min_length=1)]
    delay_ms: Milliseconds = 0
    token_ms: Milliseconds = 0


def compile_rule(fields: RuleFields, script: ScriptFields, label: str) -> Rule:
    """Compile one rule; raises `FieldError`."""
    _check_sense(fields)
    return Rule(
        label=label,
        event=fields.event,
        patterns=tuple(_compile_pattern(text) for text in _texts(fields.when)),
        say=tuple(_compile_template(text, "say") for text in _texts(fields.say)),
        call=_compile_call(fields.call),
        after_tool=tuple(
            _compile_template(text, "after_tool") for text in _texts(fields.after_tool)
        ),
        failure=fields.fail,
        delay_ms=script.delay_ms if fields.delay_ms is None else fields.delay_ms,
        token_ms=script.token_ms if fields.token_ms is None else fields.token_ms,
    )


def check_placeholders(rule: Rule, captures: frozenset[str]) -> None:
    """Check that every placeholder can have a value; raises `FieldError`.

    `captures` are those of all rules: what one rule captured, later ones may use.
    """
    known = captures | BUILT_IN
    before_result = known if rule.event == "tool_result" else known - {"result"}
    calls = () if isinstance(rule.call, NamedTool) else rule.call
    arguments = [template for call in calls for template in call.templates()]
    _check_known(rule.say, "say", before_result)
    _check_known(arguments, "call.arguments", before_result)
    _check_known(rule.after_tool, "after_tool", known)


def _check_known(templates: Iterable[Template], field: str, known: frozenset[str]) -> None:
    for template in templates:
        unknown = template.names - known
        if unknown:
            raise FieldError(
                field,
                f"nothing gives {{{min(unknown)}}} a value here; "
                f"known are {', '.join(f'{{{name}}}' for name in sorted(known))}",
            )


def _check_sense(fields: RuleFields) -> None:
    if fields.say is None and not fields.call and fields.fail is None:
        raise FieldError("say", "missing: a rule needs `say`, `call` or `fail`")
    if fields.after_tool is not None and not (fields.call and fields.event == "words"):
        raise FieldError("after_tool", "only a rule that answers words with `call` can use it")
    if fields.when is not None and fields.event in ("inaudible", "silence", "opening"):
        raise FieldError("when", f"at event `{fields.event}` there are no words to match")


def _texts(written: str | list[str] | None) -> list[str]:
    return [written] if isinstance(written, str) else written or []


def _compile_pattern(text: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise FieldError("when", f"{text!r} is no regular expression: {error}") from None
    taken = BUILT_IN.intersection(pattern.groupindex)
    if taken:
        raise FieldError("when", f"{min(taken)!r} is built in; give the capture another name")
    return pattern


def _compile_template(text: str, field: str) -> Template:
    try:
        return parse_template(text)
    except ValueError as error:
        raise FieldError(field, str(error)) from None


def _compile_call(
    written: CallFields | list[CallFields] | Literal["named tool"] | None,
) -> tuple[CallTemplate, ...] | NamedTool:
    match written:
        case None:
            return ()
        case "named tool":
            return NamedTool()
        case CallFields():
            written = [written]
    return tuple(CallTemplate(call.tool, _compile_argument(call.arguments)) for call in written)


def _compile_argument(value: Any) -> Any:
    match value:
        case str():
            return _compile_template(value, "call.arguments")
        case dict():
            return {name: _compile_argument(each) for name, each in value.items()}
        case list():
            return [_compile_argument(each) for each in value]
        case _:
            return value
