"""What of a conversation still fits: properties of any conversation and any limit."""

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.protocol.items import (
    FunctionCallItem,
    FunctionCallOutputItem,
    InputImage,
    InputText,
    Item,
    McpCallItem,
    McpListToolsItem,
    MessageItem,
)
from vivavoce.protocol.session_config import (
    RealtimeSession,
    RetentionRatio,
    Truncation,
)
from vivavoce.protocol.tools import Tool
from vivavoce.session.context import messages
from vivavoce.session.conversation import Entry
from vivavoce.session.response_plan import plan_of
from vivavoce.session.truncation import (
    Fitting,
    Overflow,
    entry_tokens,
    fit,
    instruction_tokens,
    newest_read,
    units,
)


def message(text: str, *images: str) -> Item:
    parts = tuple(InputImage(image_url=url) for url in images)
    return MessageItem(role="user", content=(InputText(text=text), *parts))


def call(call_id: str) -> Item:
    return FunctionCallItem(name="dial", call_id=call_id, arguments="{}")


def output(call_id: str) -> Item:
    return FunctionCallOutputItem(call_id=call_id, output="done")


def remote_call(finished: bool) -> Item:
    return McpCallItem(
        server_label="dice", name="roll", arguments="{}", output="It shows 6." if finished else None
    )


kinds = st.one_of(
    st.builds(message, st.text(max_size=60)),
    st.builds(remote_call, st.booleans()),
    st.just(McpListToolsItem(server_label="dice", tools=())),
    st.builds(call, st.sampled_from("ab")),
    st.builds(output, st.sampled_from("ab")),
)
conversations = st.lists(kinds, max_size=12).map(
    lambda items: [
        Entry(type(item)(**{f: getattr(item, f) for f in item.__struct_fields__} | {"id": str(n)}))
        for n, item in enumerate(items)
    ]
)


def fitted(entries: list[Entry], limit: int, truncation: Truncation = "auto") -> Fitting | Overflow:
    plan = plan_of(RealtimeSession(truncation=truncation))
    return fit(entries, plan, context_tokens=limit)


def size(entries: tuple[Entry, ...] | list[Entry]) -> int:
    return sum(map(entry_tokens, entries))


@given(entries=conversations, limit=st.integers(0, 120))
def test_what_is_left_fits_but_for_the_newest_and_what_belongs_to_it(
    entries: list[Entry], limit: int
) -> None:
    found = fitted(entries, limit)
    assert isinstance(found, Fitting)
    newest = newest_read(entries, units(entries))
    removable = [entry for entry in found.entries if entry.item.id not in newest]
    assert size(found.entries) <= limit or not removable


@given(entries=conversations, limit=st.integers(0, 120))
def test_nothing_is_dropped_without_need_and_pairs_stay_whole(
    entries: list[Entry], limit: int
) -> None:
    found = fitted(entries, limit)
    assert isinstance(found, Fitting)
    assert found.entries == tuple(e for e in entries if e.item.id not in found.dropped)
    together = units(entries)
    assert all(together[item_id] <= found.dropped for item_id in found.dropped)
    if size(entries) <= limit:
        assert not found.dropped


@given(entries=conversations, limit=st.integers(0, 120))
def test_a_model_that_has_something_to_read_is_left_something(
    entries: list[Entry], limit: int
) -> None:
    found = fitted(entries, limit)
    assert isinstance(found, Fitting)
    assert bool(messages(found.entries)) == bool(messages(entries))


@given(entries=conversations, limit=st.integers(0, 120), ratio=st.floats(0, 1))
def test_a_retention_ratio_drops_as_much_as_auto_or_more(
    entries: list[Entry], limit: int, ratio: float
) -> None:
    auto, more = (
        fitted(entries, limit),
        fitted(entries, limit, RetentionRatio(retention_ratio=ratio)),
    )
    assert isinstance(auto, Fitting)
    assert isinstance(more, Fitting)
    assert auto.dropped <= more.dropped


@given(entries=conversations, limit=st.integers(0, 120))
def test_disabled_says_how_much_too_much_there_is(entries: list[Entry], limit: int) -> None:
    found = fitted(entries, limit, "disabled")
    if size(entries) > limit:
        assert found == Overflow(limit, size(entries))
    else:
        assert found == Fitting(tuple(entries))


def test_pictures_and_tools_have_a_size() -> None:
    assert entry_tokens(Entry(message("x" * 40))) == 14
    assert entry_tokens(Entry(message("x" * 40, "data:image/png;base64,AAAA"))) == 814
    assert instruction_tokens("x" * 40, [Tool(name="dial")]) == 10 + 9
