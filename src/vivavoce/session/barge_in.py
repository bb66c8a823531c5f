"""The one place where an answer is cut short.

Called when the user speaks over an answer (`turn_detected`; `interruption` says when) and when a
client cancels one (`client_cancelled`). The order is the same, and a test asserts it by equality:

1. the jobs of the answer are cancelled, so that nothing more is made;
2. whatever happened is announced (`speech_started`);
3. every open item gets its `.done` events, with what was sent, and becomes `incomplete`;
4. the words that the listener can have heard by now are what the model will remember;
5. the response ends with `response.done`, `cancelled`.

Over a WebSocket the client then drops what it had queued and says with
`conversation.item.truncate` how much was really played (protocol 5.9, 5.10).
"""

from collections.abc import Callable
from typing import Literal

from vivavoce.protocol.server_events import StatusDetails
from vivavoce.session.response import Response
from vivavoce.session.state import State

Reason = Literal["turn_detected", "client_cancelled"]


def interrupt(
    state: State, response: Response, reason: Reason, announce: Callable[[], None] | None = None
) -> None:
    """Cut `response` short; `announce` sends what must precede its closing events."""
    if response.draft is not None:
        response.draft.stop()
    if announce is not None:
        announce()
    response.close_items("incomplete")
    if response.plan.in_conversation:
        hush(state)
    response.finish("cancelled", StatusDetails(type="cancelled", reason=reason))


def hush(state: State) -> None:
    """The listener stops listening: what was sent and cannot have been played was not heard.

    That is so for an answer that has ended and still plays, too: speech over it is a barge-in
    without a response to cancel.
    """
    for item_id, heard_ms in state.playback.interrupted(state.now).items():
        state.conversation.cut(item_id, heard_ms)
    state.aloud.cut(state.now)


def turn_away(state: State) -> None:
    """The listener speaks and does not listen any more, and may not have stopped the playing.

    That is so for an answer that has ended and still plays when it turns out that speech over it
    interrupts: no event tells the client, so that its queue has to be taken for full.
    """
    for item_id, heard_ms in state.playback.heard(state.now).items():
        state.conversation.cut(item_id, heard_ms)
