"""What is nested beyond reason is refused at the edge, before anything walks it."""

import pytest

from vivavoce.dialects import beta, ga
from vivavoce.dialects.base import Dialect
from vivavoce.protocol.errors import Refusal
from vivavoce.protocol.session_config import RealtimeSession, merge

FRAMES = [
    '{"type": "session.update", "event_id": "e", "session": {"type": "realtime", "tools": '
    '[{"type": "function", "name": "a", "parameters": DEEP}]}}',
    '{"type": "session.update", "event_id": "e", "session": {"tracing": {"metadata": DEEP}}}',
    '{"type": "response.create", "event_id": "e", "response": {"tools": '
    '[{"type": "function", "name": "a", "parameters": DEEP}]}}',
    '{"type": "input_audio_buffer.commit", "event_id": "e", "surprise": DEEP}',
    '{"type": "conversation.item.create", "event_id": "e", "item": {"type": DEEP}}',
]
"""The last two are no events; what is said of them may not depend on walking them either."""

KINDS = ["tools", "tracing", "response", "unknown key", "type"]


def filled(frame: str, depth: int) -> str:
    return frame.replace("DEEP", '{"a":' * depth + "1" + "}" * depth)


@pytest.mark.parametrize("dialect", [ga, beta])
@pytest.mark.parametrize("frame", FRAMES, ids=KINDS)
@pytest.mark.parametrize("depth", [120, 500, 900])
def test_a_deep_event_is_refused_by_its_id(dialect: Dialect, frame: str, depth: int) -> None:
    with pytest.raises(Refusal, match="inside of each other") as refused:
        dialect.decode(filled(frame, depth))
    assert (refused.value.detail.code, refused.value.detail.event_id) == ("invalid_value", "e")


@pytest.mark.parametrize("dialect", [ga, beta])
def test_a_depth_that_schemas_have_is_taken(dialect: Dialect) -> None:
    dialect.decode(filled(FRAMES[2], 80))


def test_a_session_of_any_other_origin_is_not_deeper() -> None:
    deep: object = 1
    for _ in range(500):
        deep = {"a": deep}
    tool = {"type": "function", "name": "a", "parameters": deep}
    with pytest.raises(Refusal, match="inside of each other"):
        merge(RealtimeSession(), {"type": "realtime", "tools": [tool]})
