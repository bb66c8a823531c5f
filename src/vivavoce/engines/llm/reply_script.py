r"""Reply scripts: what the scripted language model says and does, written in YAML.

Authors of Realtime clients test with them: the same answers, tool calls, delays and failures
each time. A script is a list of rules; the first that fits answers::

    token_ms: 40                                  # for all rules: how long a word takes
    rules:
      - name: weather
        when: weather (in|for) (?P<city>[a-z ]+)  # what the user said, in any case
        say: Let me look.                         # before the call
        call:
          tool: get_weather
          arguments: {city: "{city:title}"}
        after_tool: "In {city:title}: {result}"   # when the tool's result is there

      - when: my name is (?P<name>\w+)
        say: ["Hello, {name:title}.", "You said so."]   # used in turn

      - when: what is my name
        say: "You are {name:title}."              # passed over until a rule has heard a name

      - when: fail slowly
        delay_ms: 2000
        say: I am about to
        fail: {code: server_error, message: The model ran out of memory.}

      - event: inaudible                          # the speech could not be recognised
        say: Pardon?

      - say: "I heard: {heard}."                  # no `when`: always fits

Every field is described in `docs/reply-scripts.md`. `ReplyScriptError` names the file, rule and
field of a mistake.
"""

from typing import Any, TypeVar

import msgspec
import yaml

from vivavoce.engines.base import EngineError
from vivavoce.engines.llm.reply_fields import (
    FieldError,
    RuleFields,
    ScriptFields,
    check_placeholders,
    compile_rule,
)
from vivavoce.engines.llm.reply_rules import ReplyScript, Rule

_Fields = TypeVar("_Fields", RuleFields, ScriptFields)


class ReplyScriptError(EngineError):
    """A reply script cannot be read. The text names file, rule and field."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="invalid_reply_script")


def parse_reply_script(text: str, source: str) -> ReplyScript:
    """Parse the YAML of a reply script; `source` is the file's name for messages.

    Raises `ReplyScriptError`.
    """
    return compile_reply_script(read_yaml(text, source), source)


def compile_reply_script(content: Any, source: str) -> ReplyScript:
    """Check and compile what the YAML of a reply script holds. Raises `ReplyScriptError`."""
    fields = _convert(content, ScriptFields, source)
    labels = [_label(number, written) for number, written in enumerate(fields.rules, start=1)]
    rules: list[Rule] = []
    for label, written in zip(labels, fields.rules, strict=True):
        rule_fields = _convert(written, RuleFields, f"{source}: {label}")
        try:
            rules.append(compile_rule(rule_fields, fields, label))
        except FieldError as error:
            raise ReplyScriptError(f"{source}: {label}: {error}") from None
    _check_all_placeholders(rules, source)
    return ReplyScript(source, tuple(rules))


def _check_all_placeholders(rules: list[Rule], source: str) -> None:
    captures = frozenset(name for rule in rules for name in rule.captures)
    for rule in rules:
        try:
            check_placeholders(rule, captures)
        except FieldError as error:
            raise ReplyScriptError(f"{source}: {rule.label}: {error}") from None


def read_yaml(text: str, source: str) -> Any:
    """Read YAML; raises `ReplyScriptError` with the line of a mistake."""
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ReplyScriptError(f"{source}: {line}not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ReplyScriptError(f"{source}: not valid YAML: {error}") from None


def _label(number: int, written: Any) -> str:
    name = written.get("name") if isinstance(written, dict) else None
    return f"rule {number} ({name})" if isinstance(name, str) else f"rule {number}"


def _convert(written: Any, kind: type[_Fields], place: str) -> _Fields:
    try:
        return msgspec.convert(written, kind)
    except msgspec.ValidationError as error:
        # msgspec says "Expected `int`, got `str` - at `$.delay_ms`".
        problem, _, path = str(error).partition(" - at `$")
        field = path.strip("`.")
        where = f"field `{field}`: " if field else ""
        raise ReplyScriptError(f"{place}: {where}{problem}{_hint(problem)}") from None


def _hint(problem: str) -> str:
    """What YAML makes of text without quotes."""
    if not problem.startswith("Expected `str"):
        return ""
    if problem.endswith("got `object`"):
        return "; text that begins with a brace, or has a colon in it, needs quotes"
    return "; numbers, yes, no, on and off need quotes to be text"
