"""Protocol 5.9: wherever an answer is cut short, what was opened is closed, once."""

import re
from collections.abc import Callable

import pytest

from support.cast import Call, Cast
from support.stage import SPEECH, Stage
from vivavoce.protocol.items import MessageItem
from vivavoce.protocol.server_events import ResponseDone
from vivavoce.session.state import Limits

REPLIES = {
    "spoken": ("One, two. ", "Three, four. ", "Five."),
    "spoken, then a call": ("One moment. ", Call("dial", '{"a": 1}')),
    "two calls": (Call("dial", '{"a": 1}'), Call("dial", "[]")),
}
STEPS = 60
STEP_MS = 10


def an_answer(reply: str, modality: str, steps: int) -> Stage:
    """An answer to a spoken turn, cut off after so many steps of time."""
    tools = [{"type": "function", "name": "dial"}]
    cast = Cast(says=[REPLIES[reply]], chunk_ms=100, piece_s=0.05)
    stage = Stage(
        cast=cast,
        limits=Limits(speculate="off"),
        tools=tools,
        output_modalities=[modality],
    )
    stage.speech(512)
    stage.silence(512)
    for _ in range(steps):
        stage.advance(STEP_MS)
    return stage


def opened_and_closed(lines: list[str]) -> None:
    """Every `added` has its one `done`, in a fitting order, and nothing comes after it."""
    open_now: list[str] = []
    for line in lines:
        name, subject, *_ = f"{line} -".split()
        if name in ("output_item.added", "item.added", "part.added"):
            open_now.append(f"{name.removesuffix('added')}done {subject}")
        elif name in ("output_item.done", "item.done", "part.done"):
            open_now.remove(f"{name} {subject}")
        elif name.endswith(".delta") and not name.startswith("transcription"):
            assert any(subject in waiting for waiting in open_now), line
    assert open_now == []


@pytest.mark.parametrize("modality", ["audio", "text"])
@pytest.mark.parametrize("reply", REPLIES)
@pytest.mark.parametrize(
    ("cut", "reason"),
    [
        (lambda stage: stage.cancel(), "client_cancelled"),
        (lambda stage: stage.append([SPEECH]), "turn_detected"),
    ],
    ids=["cancel", "barge-in"],
)
def test_every_prefix_of_an_answer_can_be_closed(
    cut: Callable[[Stage], None], reason: str, reply: str, modality: str
) -> None:
    ends = set()
    for steps in range(STEPS):
        stage = an_answer(reply, modality, steps)
        running = "response.done" not in " ".join(told := stage.told())
        cut(stage)
        told += stage.told()
        opened_and_closed(told)
        done = [line for line in told if line.startswith("response.done")]
        expected = f"cancelled {reason}" if running else "completed"
        assert done == [f"response.done resp1 {expected}"]
        ends.add(done[0])
    assert len(ends) == 2, "the steps must reach from the first moment to beyond the end"


@pytest.mark.parametrize("reply", REPLIES)
def test_what_was_sent_is_what_the_items_hold(reply: str) -> None:
    for steps in range(STEPS):
        stage = an_answer(reply, "audio", steps)
        stage.cancel()
        told = stage.told()
        deltas = [re.match(r"transcript\.delta \S+ '(.*)'", line) for line in told]
        whole = [re.match(r"transcript\.done \S+ '(.*)'", line) for line in told]
        sent = "".join(found[1] for found in deltas if found)
        assert sent == "".join(found[1] for found in whole if found)


def test_a_cancelled_response_has_its_usage_and_its_items() -> None:
    stage = an_answer("spoken", "audio", 20)
    stage.cancel()
    response = stage.last(ResponseDone).response
    assert response.usage is not None
    (item,) = response.output
    assert isinstance(item, MessageItem)
    assert item.status == "incomplete"


def test_cancel_with_nothing_running_is_refused_in_known_words() -> None:
    stage = Stage()
    stage.news()
    stage.cancel()
    assert stage.news() == ["error response_cancel_not_active"]
    assert stage.error.message == "Cancellation failed: no active response found"


def test_cancel_of_another_response_is_refused() -> None:
    stage = Stage()
    stage.respond()
    stage.news()
    stage.cancel("resp_unknown")
    assert stage.news() == ["error response_cancel_not_active"]


def test_cancel_by_the_name_of_the_running_response() -> None:
    stage = Stage()
    stage.respond()
    stage.news()
    stage.cancel("resp1")
    assert stage.told() == ["response.done resp1 cancelled client_cancelled"]


def test_a_cancelled_response_makes_room_for_the_next() -> None:
    stage = Stage()
    stage.respond()
    stage.cancel()
    stage.news()
    stage.respond()
    assert stage.told() == ["response.created resp2"]
