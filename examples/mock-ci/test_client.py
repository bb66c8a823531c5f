"""A client of the Realtime API against the mock: pip install vivavoce 'openai[realtime]' pytest"""

import pytest
from openai import OpenAI
from openai.resources.realtime.realtime import RealtimeConnection
from openai.types.realtime import RealtimeErrorEvent, ResponseDoneEvent
from websockets.exceptions import ConnectionClosedError

from vivavoce.mock.background import BackgroundMock

pytestmark = pytest.mark.vivavoce_mock(script="turns.yaml", seed=7)


def ask(connection: RealtimeConnection, text: str) -> ResponseDoneEvent | RealtimeErrorEvent:
    """The code under test: say something, and wait for the outcome."""
    connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
    )
    connection.response.create(response={"output_modalities": ["text"]})
    for event in connection:
        if isinstance(event, ResponseDoneEvent | RealtimeErrorEvent):
            return event
    raise AssertionError("the connection ended without an answer")


def test_an_answer_and_then_an_error(vivavoce_mock: BackgroundMock) -> None:
    """The second response.create of this connection is answered with an error."""
    with (
        OpenAI(base_url=vivavoce_mock.url, api_key="none") as client,
        client.realtime.connect(model="any") as connection,
    ):
        answered = ask(connection, "hello")
        assert isinstance(answered, ResponseDoneEvent)
        assert answered.response.status == "completed"

        failed = ask(connection, "hello again")
        assert isinstance(failed, RealtimeErrorEvent)
        assert failed.error.code == "server_error"

    kinds = [event["type"] for event in vivavoce_mock.received]
    assert kinds == ["conversation.item.create", "response.create"] * 2


def test_a_lost_connection(vivavoce_mock: BackgroundMock) -> None:
    """A response.cancel ends the connection without a close frame."""
    with (
        OpenAI(base_url=vivavoce_mock.url, api_key="none") as client,
        client.realtime.connect(model="any") as connection,
    ):
        connection.recv()  # session.created
        connection.response.cancel()
        with pytest.raises(ConnectionClosedError):
            connection.recv()
