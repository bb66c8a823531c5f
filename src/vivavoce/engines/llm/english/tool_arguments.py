"""Draws a tool's arguments from what was said, as its JSON schema asks for them.

Enumerations, truth values and numbers are looked for first. Phrases (`in London`, `to Bob`)
then fill what takes text, and what is left of the words fills what is still required.
"""

import string
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from vivavoce.engines.llm.english.numbers import read_number
from vivavoce.engines.llm.english.phrases import DAYS, Phrases
from vivavoce.engines.llm.english.tool_choice import GENERIC, tool_stems
from vivavoce.engines.llm.english.tool_schema import Parameter, parameters
from vivavoce.engines.llm.english.words import identifier_words, spoken_list, stem, word_set
from vivavoce.protocol.prompt import FunctionTool

_TRUE = frozenset({"on", "yes", "true", "enable", "enabled", "open"})
_FALSE = frozenset({"off", "no", "false", "disable", "disabled", "close", "closed"})
_NOT = frozenset({"no", "not", "without", "don't"})
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_STAND_INS: dict[str, Any] = {"boolean": False, "array": [], "object": {}}

# A lead and the words of parameter names that it speaks for.
_LEADS = {
    lead: word_set(names)
    for lead, names in {
        "in": "city country language location place region room state town where",
        "at": "address location place time when",
        "for": "city duration location name place query subject term title topic",
        "of": "city country location name place",
        "on": "date day subject topic when",
        "from": "departure from origin sender source start",
        "to": "contact destination end language person recipient target task to",
        "about": "about query subject topic",
        "by": "artist author",
        "with": "contact participant person",
        "called": "label name title",
        "named": "label name title",
    }.items()
}
_QUOTING_LEADS = {
    lead: word_set("body content message note text") for lead in ("saying", "says", "that")
}
_NAMES = word_set(
    """artist author city contact country destination location name origin person place recipient
    region state town"""
)


@dataclass(frozen=True, slots=True)
class Filled:
    """Arguments drawn from words, and the required parameters that were not there."""

    arguments: dict[str, Any]
    missing: tuple[Parameter, ...]

    def question(self) -> str:
        """Ask for what is missing."""
        asked = spoken_list([f"which {parameter.spoken_name}" for parameter in self.missing])
        return f"{asked[:1].upper()}{asked[1:]} should I use?"

    def completed(self, said: str) -> dict[str, Any]:
        """Arguments for a call that must be made, as the tool's schema allows them.

        What is required and was not said gets the schema's default, else null where that is
        allowed, else a stand-in of its type. What is optional is left out.
        """
        return self.arguments | {each.name: _stand_in(each, said) for each in self.missing}


def fill_arguments(tool: FunctionTool, said: str) -> Filled:
    """Fill the parameters of `tool` from the words of `said`, each word used once."""
    wanted = parameters(tool)
    phrases = Phrases(said, tool_stems(tool).union(*(each.stems for each in wanted)))
    # What is required has the first choice of the words.
    by_need = sorted(wanted, key=lambda each: not each.required)
    found: dict[str, Any] = {}
    for kinds, fill in _PASSES:
        for parameter in by_need:
            if parameter.kind in kinds and parameter.name not in found:
                value = fill(parameter, phrases)
                if value is not None:
                    found[parameter.name] = value
    return Filled(
        {each.name: found[each.name] for each in wanted if each.name in found},
        tuple(each for each in wanted if each.required and each.name not in found),
    )


def convert(tool: FunctionTool, name: str, text: str) -> Any:
    """Give `text` the JSON type that `tool` wants for its parameter `name`, if it can be read."""
    parameter = next((each for each in parameters(tool) if each.name == name), None)
    value: Any = None
    if parameter is not None and parameter.kind in ("integer", "number"):
        value = _find_number(parameter, Phrases(text, ()))
    if parameter is not None and parameter.kind == "boolean":
        value = _find_switch(Phrases(text, ()))
    return text if value is None else value


def _find_choice(parameter: Parameter, phrases: Phrases) -> Any:
    for choice in sorted(parameter.choices, key=lambda each: -len(str(each))):
        words = [stem(word) for word in identifier_words(str(choice)) or [str(choice).lower()]]
        for index, _ in phrases.free():
            if [stem(word) for word in phrases.lower[index : index + len(words)]] == words:
                phrases.claim(index, index + len(words))
                return choice
    return None


def _find_truth(parameter: Parameter, phrases: Phrases) -> bool | None:
    telling = parameter.stems - GENERIC - {"is", "should"}
    for index, word in phrases.free():
        if stem(word) in telling:
            return index == 0 or phrases.lower[index - 1] not in _NOT
    return _find_switch(phrases)


def _find_switch(phrases: Phrases) -> bool | None:
    return next((word in _TRUE for _, word in phrases.free() if word in _TRUE | _FALSE), None)


def _find_number(parameter: Parameter, phrases: Phrases) -> int | float | None:
    """Prefer the number beside the parameter's own name: `ten minutes` for `minutes`."""
    found: list[tuple[bool, int, int, Fraction]] = []
    end = 0
    for index, _ in phrases.free():
        number = read_number(phrases.lower, index) if index >= end else None
        if number is not None:
            value, end = number
            unit = stem(phrases.lower[end]) if end < len(phrases.lower) else ""
            found.append((unit in parameter.stems or unit in _SECONDS, index, end, value))
    if not found:
        return None
    with_unit, start, end, value = max(found, key=lambda each: each[0])
    if with_unit:
        value *= _in_own_unit(parameter, stem(phrases.lower[end]))
    whole = value.denominator == 1
    if parameter.kind == "integer" and not whole:
        return None
    phrases.claim(start, end + with_unit)
    return int(value) if whole else float(value)


def _in_own_unit(parameter: Parameter, spoken: str) -> Fraction:
    """What turns the spoken unit of time into the one in the parameter's name, if it has one."""
    own = next((unit for unit in _SECONDS if unit in parameter.stems), spoken)
    if spoken not in _SECONDS:
        return Fraction(1)
    return Fraction(_SECONDS[spoken], _SECONDS.get(own, _SECONDS[spoken]))


def _find_day(parameter: Parameter, phrases: Phrases) -> Any:
    if not parameter.stems & {"date", "day", "when", "time"}:
        return None
    for index, word in phrases.free():
        if word in DAYS:
            return _as_text(parameter, phrases.claim(index, index + 1))
    return None


def _find_hinted(parameter: Parameter, phrases: Phrases) -> Any:
    for index, word in phrases.free():
        text = None
        if _QUOTING_LEADS.get(word, frozenset()) & parameter.stems:
            text = phrases.claim_to_the_end(index)
        elif _LEADS.get(word, frozenset()) & parameter.stems:
            text = phrases.claim_phrase(index, _ALL_LEADS)
        if text:
            return _as_text(parameter, text)
    return None


def _find_phrase(parameter: Parameter, phrases: Phrases) -> Any:
    for index, word in phrases.free():
        text = phrases.claim_phrase(index, _ALL_LEADS) if word in _LEADS else None
        if text:
            return _as_text(parameter, text)
    return None


def _find_rest(parameter: Parameter, phrases: Phrases) -> Any:
    text = phrases.claim_rest() if parameter.required else None
    return _as_text(parameter, text) if text else None


def _as_text(parameter: Parameter, text: str) -> str | list[str]:
    if parameter.kind == "array":
        return [item.strip() for part in text.split(",") for item in part.split(" and ") if item]
    # Recognisers write no capitals; a name wants them.
    return string.capwords(text) if text.islower() and parameter.stems & _NAMES else text


def _stand_in(parameter: Parameter, said: str) -> Any:
    if parameter.default is not None or parameter.nullable:
        return parameter.default
    match parameter.kind:
        case "enum":
            return parameter.choices[0]
        case "integer" | "number":
            return 0
        case kind:
            return _STAND_INS.get(kind, said)


_ALL_LEADS = frozenset(_LEADS) | frozenset(_QUOTING_LEADS)
_TEXT = frozenset({"string", "array"})
_PASSES: tuple[tuple[frozenset[str], Callable[[Parameter, Phrases], Any]], ...] = (
    (frozenset({"enum"}), _find_choice),
    (frozenset({"boolean"}), _find_truth),
    (frozenset({"integer", "number"}), _find_number),
    (_TEXT, _find_day),
    (_TEXT, _find_hinted),
    (_TEXT, _find_phrase),
    (_TEXT, _find_rest),
)
