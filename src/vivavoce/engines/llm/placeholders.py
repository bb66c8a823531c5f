"""The values of a reply script's placeholders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from vivavoce.engines.llm.english.arithmetic import find_sum
from vivavoce.engines.llm.english.spoken_result import spoken_result
from vivavoce.engines.llm.english.words import identifier_words, spoken_list
from vivavoce.engines.llm.reply_rules import ReplyScript
from vivavoce.engines.llm.situation import Situation
from vivavoce.protocol.prompt import FunctionTool

# Not `strftime`, whose names follow the process's locale.
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Placeholders:
    """The values by name: what the rule captured, what is built in, what was captured earlier."""

    script: ReplyScript
    situation: Situation
    captured: Mapping[str, str]
    tools: Sequence[FunctionTool]
    now: datetime

    def lookup(self, name: str) -> str | None:
        """Give the value of `name`, or None where it has none now."""
        if name in self.captured:
            return self.captured[name]
        match name:
            case "time":
                return _spoken_time(self.now)
            case "date":
                weekday, month = _WEEKDAYS[self.now.weekday()], _MONTHS[self.now.month - 1]
                return f"{weekday}, {month} {self.now.day}, {self.now.year}"
            case "heard":
                return self.situation.heard or None
            case "sum":
                found = find_sum(self.situation.said)
                return None if found is None else found.spoken()
            case "result":
                return " ".join(map(spoken_result, self.situation.outputs)) or None
            case "tools":
                spoken = [" ".join(identifier_words(tool.name)) for tool in self.tools]
                return spoken_list(spoken) or None
            case _:
                return self._remembered(name)

    def _remembered(self, name: str) -> str | None:
        """What a rule captured under `name` from the user's latest words that have it."""
        rules = [rule for rule in self.script.rules if name in rule.captures]
        for said in reversed(self.situation.said_before):
            for rule in rules:
                value = (rule.match(said) or {}).get(name)
                if value is not None:
                    return value
        return None


def _spoken_time(now: datetime) -> str:
    return f"{(now.hour - 1) % 12 + 1}:{now.minute:02d} {'AM' if now.hour < 12 else 'PM'}"
