"""The judge itself: it knows all events of ours, and lets nothing pass that it should not."""

from typing import Any, get_args

import pytest
from openai.types.realtime import RealtimeServerEvent

from support.sdk_types import assert_valid_event
from vivavoce.dialects.ga import BETA_ONLY
from vivavoce.protocol.server_events import OWN, ServerEvent

Event = dict[str, Any]

ITEM: Event = {
    "id": "item_1",
    "type": "message",
    "status": "completed",
    "role": "user",
    "content": [{"type": "input_audio", "transcript": None}],
}
ADDED: Event = {
    "type": "conversation.item.added",
    "event_id": "event_1",
    "previous_item_id": None,
    "item": ITEM,
}
DELTA: Event = {
    "type": "response.output_text.delta",
    "event_id": "event_2",
    "response_id": "resp_1",
    "item_id": "item_1",
    "output_index": 0,
    "content_index": 0,
    "delta": "word",
}


def test_every_event_that_is_not_asked_for_is_in_the_sdks_union() -> None:
    union, *_ = get_args(RealtimeServerEvent)
    known = {get_args(member.model_fields["type"].annotation)[0] for member in get_args(union)}
    shown = set(get_args(ServerEvent)) - set(BETA_ONLY) - set(OWN)
    ours = {member.__struct_config__.tag for member in shown}
    assert ours <= known


@pytest.mark.parametrize("event", [ADDED, DELTA])
def test_what_is_right_passes(event: Event) -> None:
    assert_valid_event(event)


@pytest.mark.parametrize(
    "event",
    [
        DELTA | {"type": "response.text.delta"},
        DELTA | {"extra": 1},
        DELTA | {"output_index": "first"},
        DELTA | {"event_id": ""},
        {key: value for key, value in DELTA.items() if key != "item_id"},
        ADDED | {"item": ITEM | {"object": "realtime.thing"}},
        ADDED | {"item": ITEM | {"mood": "good"}},
        ADDED | {"item": ITEM | {"content": [{"type": "output_text", "text": "hello"}]}},
        ADDED | {"item": ITEM | {"content": [{"type": "input_text", "text": "x", "y": 1}]}},
    ],
)
def test_what_is_wrong_fails(event: Event) -> None:
    with pytest.raises(AssertionError):
        assert_valid_event(event)
