"""Which of the offered tools do the words name? By the words of its name and description."""

from collections.abc import Sequence

from vivavoce.engines.llm.english.words import identifier_words, split_words, stem, word_set
from vivavoce.protocol.prompt import FunctionTool

GENERIC = word_set(
    """a add an and at by call check create current data delete do fetch find for from function get
    give in info information list look lookup make new of off on or query read remove run search
    send set show start stop tell the to tool turn up update use with"""
)
"""Words of a tool's name that many tools share: they decide between tools, they name none."""

_DESCRIPTIVE = word_set(
    """about all any are be can given has have how if is it its me my one please return that their
    them there these this user user's want what when where which who will you your"""
)


def named_tool(tools: Sequence[FunctionTool], said: str) -> FunctionTool | None:
    """Choose the tool that `said` names best, or None when it names none.

    One telling word of a tool's name is enough (`weather` of `get_weather`), or two telling
    words of its description.
    """
    heard = frozenset(stem(word.lower) for word in split_words(said))
    scores = {index: _score(tool, heard) for index, tool in enumerate(tools)}
    named = [index for index, score in scores.items() if score[0] or score[3] >= 2]
    return tools[max(named, key=lambda index: scores[index])] if named else None


def tool_stems(tool: FunctionTool) -> frozenset[str]:
    """The stems of the words of a tool's name."""
    return frozenset(map(stem, identifier_words(tool.name)))


def _score(tool: FunctionTool, heard: frozenset[str]) -> tuple[int, int, int, int]:
    name = tool_stems(tool)
    telling = name - GENERIC or name
    described = frozenset(stem(word.lower) for word in split_words(tool.description or ""))
    return (
        len(telling & heard),
        -len(telling - heard),
        len(name & heard),
        len((described - GENERIC - _DESCRIPTIVE) & heard),
    )
