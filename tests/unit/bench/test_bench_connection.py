import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import WSMessage, WSMsgType

from vivavoce.bench.connection import (
    FIRST_AUDIO,
    RESPONSE_DONE,
    SPEECH_STARTED,
    SPEECH_STOPPED,
    Connection,
    Errors,
)


@dataclass
class Line:
    """What a server says, text by text, until it closes."""

    texts: list[str]
    close_code: int = 1000

    async def __aiter__(self) -> AsyncIterator[WSMessage]:
        for text in self.texts:
            yield WSMessage(WSMsgType.TEXT, text, None)


async def heard(*events: dict[str, Any] | str) -> tuple[Connection, Errors]:
    """A connection over which these events came."""
    texts = [event if isinstance(event, str) else json.dumps(event) for event in events]
    line: Any = Line(texts)
    errors: Errors = Counter()
    connection = Connection(line, errors)
    await connection.listen()
    assert connection.lost
    del errors["the server closed the connection (code 1000)"]
    return connection, errors


async def test_the_positions_of_turns_are_noted() -> None:
    connection, errors = await heard(
        {"type": SPEECH_STARTED, "item_id": "item_1", "audio_start_ms": 0},
        {"type": SPEECH_STOPPED, "item_id": "item_1", "audio_end_ms": 1500},
    )
    noted = [(one.kind, one.item_id, one.position_ms) for one in connection.moments]
    assert noted == [(SPEECH_STARTED, "item_1", 0), (SPEECH_STOPPED, "item_1", 1500)]
    assert connection.moments[0].at <= connection.moments[1].at
    assert not errors


async def test_of_the_audio_of_a_response_the_first_is_noted() -> None:
    delta = {"type": FIRST_AUDIO, "response_id": "resp_1", "delta": "AAAA" * 1000}
    done = {"type": RESPONSE_DONE, "response": {"id": "resp_1", "output": []}}
    connection, _ = await heard(delta, delta, done, delta | {"response_id": "resp_2"})
    noted = [(one.kind, one.response_id) for one in connection.moments]
    assert noted == [(FIRST_AUDIO, "resp_1"), (RESPONSE_DONE, "resp_1"), (FIRST_AUDIO, "resp_2")]
    assert connection.done == 1


async def test_an_event_is_known_by_its_own_type_wherever_that_stands() -> None:
    connection, _ = await heard(
        '{"item": {"type": "message"}, "item_id": "item_1", "audio_end_ms": 5, '
        '"type": "input_audio_buffer.speech_stopped"}'
    )
    assert [one.kind for one in connection.moments] == [SPEECH_STOPPED]


async def test_other_events_are_passed_over() -> None:
    connection, errors = await heard({"type": "rate_limits.updated", "rate_limits": []})
    assert connection.moments == []
    assert not errors


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"type": "error", "error": {"message": "too many callers"}}, "too many callers"),
        (
            {
                "type": "conversation.item.input_audio_transcription.failed",
                "error": {"message": "no recogniser"},
            },
            "no recogniser",
        ),
        ("{", "the server sent what is no event: Input data was truncated"),
        ("[1]", "the server sent what is no event: Expected `object`, got `array`"),
    ],
)
async def test_errors_are_counted(event: dict[str, Any] | str, message: str) -> None:
    _, errors = await heard(event, event)
    assert errors == {message: 2}
