"""What of a conversation still fits into the model's context (protocol 7).

Sizes are estimated: four characters of text are one token, as in English, with a few more for
each message around it and a round number for a picture. Where a model's server counts tokens, the
estimates are scaled to its counts. Instructions and tools always stay; items go oldest first, a
call and its output together; the newest item that the model reads stays too, as an answer to
nothing is no answer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from vivavoce.protocol.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputImage,
    McpCallItem,
    MessageItem,
)
from vivavoce.protocol.server_events import ResponseError
from vivavoce.protocol.session_config import RetentionRatio, Truncation
from vivavoce.protocol.tools import Tool
from vivavoce.session.context import (
    estimate_speech_tokens,
    estimate_tokens,
    mcp_result,
    messages,
    words_of,
)
from vivavoce.session.conversation import Entry
from vivavoce.session.response_plan import ResponsePlan

TOKENS_PER_MESSAGE = 4
"""What chat servers put around a message."""

TOKENS_PER_IMAGE = 800
"""About what a picture of a million pixels costs."""

LEAST_COUNTED = 256
"""Tokens of a prompt that is long enough to scale estimates by its count: in a short one most is
what the server puts around the words."""


@dataclass(frozen=True, slots=True)
class Fitting:
    """The entries that are left, and the ids of those that were dropped to make them fit."""

    entries: tuple[Entry, ...]
    dropped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Overflow:
    """The conversation does not fit, and nothing may be dropped. Numbers of tokens."""

    limit: int
    tokens: int


def fit(
    entries: Sequence[Entry], plan: ResponsePlan, *, context_tokens: int, scale: float = 1.0
) -> Fitting | Overflow:
    """The newest of `entries` that the model's context of `context_tokens` holds.

    `scale` is how many tokens the model counts for each that is estimated.
    """
    fixed = scale * instruction_tokens(plan.instructions, plan.tools)
    limit = conversation_limit(plan.truncation, int(context_tokens - fixed))
    sizes = [scale * entry_tokens(entry) for entry in entries]
    total = sum(sizes)
    if total <= limit:
        return Fitting(tuple(entries))
    if plan.truncation == "disabled":
        return Overflow(context_tokens, int(total + fixed))
    target: float = limit
    if isinstance(plan.truncation, RetentionRatio):
        target *= plan.truncation.retention_ratio
    dropped = oldest(entries, sizes, total - target)
    kept = tuple(entry for entry in entries if entry.item.id not in dropped)
    return Fitting(kept, dropped)


def conversation_limit(truncation: Truncation, room: int) -> int:
    """The most tokens of the items: what is left of the context, or less if the client says so."""
    if isinstance(truncation, RetentionRatio) and truncation.token_limits:
        wanted = truncation.token_limits.post_instructions
        if isinstance(wanted, int):
            return min(wanted, room)
    return room


def oldest(entries: Sequence[Entry], sizes: Sequence[float], excess: float) -> frozenset[str]:
    """The ids of the oldest entries that together have `excess` tokens.

    Calls go with their outputs; the newest entry that the model reads stays, and what belongs to
    it.
    """
    together = units(entries)
    kept = newest_read(entries, together)
    dropped: set[str] = set()
    by_id = {entry.item.id: size for entry, size in zip(entries, sizes, strict=True)}
    for entry in entries:
        if excess <= 0:
            break
        unit = together[entry.item.id]
        if entry.item.id not in dropped and unit != kept:
            dropped |= unit
            excess -= sum(by_id[item_id] for item_id in unit)
    return frozenset(dropped)


def newest_read(entries: Sequence[Entry], together: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The ids of the newest entry that is words or calls to the model, and what belongs to it.

    A call that is not over is neither, nor is what only client and server tell each other.
    """
    for entry in reversed(entries):
        unit = together[entry.item.id]
        if messages(each for each in entries if each.item.id in unit):
            return unit
    return frozenset()


def units(entries: Iterable[Entry]) -> dict[str, frozenset[str]]:
    """What stays or goes together, by item id: a call and its output, or an item alone."""
    calls: dict[str, set[str]] = {}
    found: dict[str, set[str]] = {}
    for entry in entries:
        item = entry.item
        if isinstance(item, FunctionCallItem | FunctionCallOutputItem):
            found[item.id] = calls.setdefault(item.call_id, set())
            found[item.id].add(item.id)
        else:
            found[item.id] = {item.id}
    return {item_id: frozenset(unit) for item_id, unit in found.items()}


# --- sizes --------------------------------------------------------------------------------------


def entry_tokens(entry: Entry) -> int:
    """About how many tokens an entry has as the model reads or hears it."""
    heard = 0 if entry.clip is None else estimate_speech_tokens(entry.clip)
    match entry.item:
        case MessageItem(content=content):
            images = sum(isinstance(part, InputImage) for part in content)
            text = words_of(entry)
        case FunctionCallItem(name=name, arguments=arguments):
            images, text = 0, name + arguments
        case FunctionCallOutputItem(output=output):
            images, text = 0, output
        case McpCallItem(name=name, arguments=arguments) as call:
            images, text = 0, name + arguments + (mcp_result(call) or "")
        case _:
            return 0
    return TOKENS_PER_MESSAGE + TOKENS_PER_IMAGE * images + estimate_tokens(text) + heard


def instruction_tokens(instructions: str, tools: Iterable[Tool]) -> int:
    """About how many tokens the instructions and the tools have."""
    return estimate_tokens(instructions) + sum(
        estimate_tokens(msgspec.json.encode(tool).decode()) for tool in tools
    )


def request_tokens(entries: Iterable[Entry], plan: ResponsePlan) -> int:
    """About how many tokens a request has that sends these entries."""
    return instruction_tokens(plan.instructions, plan.tools) + sum(map(entry_tokens, entries))


def counted_scale(estimated: int, counted: int) -> float | None:
    """How many tokens the model counts for each estimated one; None if this tells little."""
    return counted / estimated if estimated >= LEAST_COUNTED else None


def has_pictures(entry: Entry) -> bool:
    """Whether the model sees something, whose cost differs from model to model."""
    item = entry.item
    return isinstance(item, MessageItem) and any(isinstance(p, InputImage) for p in item.content)


def context_length_exceeded(overflow: Overflow) -> ResponseError:
    """What a response is told that may not drop anything (protocol 6.3)."""
    text = (
        f"The conversation has about {overflow.tokens} tokens, and the model's context holds "
        f"{overflow.limit}. Delete items, or set 'truncation' to 'auto'."
    )
    code = "context_length_exceeded"
    return ResponseError(type="invalid_request_error", code=code, message=text)
