"""The judge of every event of the beta dialect: the types of openai 1.109.1, the last of version 1.

Two versions of `openai` cannot be imported by one process, so this module runs in one of its own
(`support.beta_judge` starts it). It reads events, each a line of JSON, and answers with lines: the
JSON of a string, empty if the event is valid. As in `sdk_types`, an unknown key is a failure too.
"""

import json
import sys
from typing import Any

from openai.types.beta.realtime import RealtimeServerEvent
from pydantic import TypeAdapter, ValidationError

from support.sdk_types import undeclared

_union: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)

SENT_BUT_UNDECLARED = frozenset(
    {
        "session.object",
        "session.expires_at",
        "session.client_secret",
        "session.include",
        "response.status_details.error.message",
    }
)
"""What the live service sent, and these types leave out (protocol 2.7)."""

SENT_FOR_TRANSCRIPTION = frozenset({"session.id", "session.input_audio_noise_reduction"})
"""What they leave out of a transcription session besides."""

TRANSCRIPTION = "transcription_session.updated"

ANY_SECRET = {"value": "ek_", "expires_at": 0}


def problem(event: dict[str, Any]) -> str:
    """Why the event is not valid; empty if it is."""
    try:
        parsed = _union.validate_python(with_secret(event))
    except ValidationError as error:
        return f"the types do not know it: {error}"
    allowed = SENT_BUT_UNDECLARED
    if event["type"] == TRANSCRIPTION:
        allowed |= SENT_FOR_TRANSCRIPTION
    unknown = sorted(set(undeclared(parsed)) - allowed)
    return f"keys that the types do not declare: {unknown}" if unknown else ""


def with_secret(event: dict[str, Any]) -> dict[str, Any]:
    """The type of a transcription session is that of the answer over HTTP, which has a secret;
    over the socket there is none."""
    session = event.get("session")
    if event.get("type") != TRANSCRIPTION or session is None or session["client_secret"]:
        return event
    return {**event, "session": {**session, "client_secret": ANY_SECRET}}


def main() -> None:
    """Judge events until the input ends."""
    for line in sys.stdin:
        print(json.dumps(problem(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
