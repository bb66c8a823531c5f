"""What transcription servers answer: one JSON document, or a stream of events.

Documents are those of `response_format` `json` and `verbose_json`. Streams are OpenAI's own
(`transcript.text.delta` and `.done`) and vLLM's, which are like those of chat completions.
"""

from typing import Any, TypeVar

import msgspec

from vivavoce.engines.base import EngineError, TokenLogprob
from vivavoce.engines.openai_http.failures import UnavailableError, said


class Lenient(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of servers' answers: all optional, others are passed over."""


class Segment(Lenient, frozen=True):
    """A part of a transcript, and what the model thought of it."""

    text: str = ""
    no_speech_prob: float | None = None
    avg_logprob: float | None = None


class Document(Lenient, frozen=True):
    """A whole transcript."""

    text: str = ""
    language: str | None = None
    segments: tuple[Segment, ...] | None = None
    logprobs: tuple[TokenLogprob, ...] | None = None


class Delta(Lenient, frozen=True):
    """The `delta` of one of vLLM's choices."""

    content: str | None = None


class Choice(Lenient, frozen=True):
    """One of vLLM's choices; there is one."""

    delta: Delta = Delta()


class Event(Lenient, frozen=True):
    """An event of a stream, of either kind."""

    type: str = ""
    delta: str = ""
    text: str = ""
    choices: tuple[Choice, ...] = ()
    logprobs: tuple[TokenLogprob, ...] | None = None
    error: Any = None


class TranscriptionStream:
    """Reads one stream of events."""

    def __init__(self) -> None:
        self.started = False
        """Whether there was any text."""
        self.done: Document | None = None
        """The whole transcript, if the stream had one at its end."""
        self.ended = False

    def receive(self, data: str) -> str:
        """Take the data of one event and give the text in it; raises `EngineError`."""
        if data.strip() == "[DONE]":
            self.ended = True
            return ""
        event = decoded(data.encode(), Event)
        if event.error is not None or event.type == "error":
            raise UnavailableError(
                f"reported an error: {said(event.error or data)}", code="server_error"
            )
        if event.type == "transcript.text.done":
            self.done = Document(text=event.text, logprobs=event.logprobs)
            self.ended = True
            return ""
        text = event.delta if event.type == "transcript.text.delta" else content_of(event)
        self.started |= bool(text)
        return text

    def finish(self) -> None:
        """The server has ended the stream. Raises `EngineError` if nothing said that it is whole.

        vLLM's streams, and those of others like it, end in `[DONE]`.
        """
        if not self.ended:
            raise UnavailableError(
                "ended the stream before the transcript was complete.", code="connection_lost"
            )


def content_of(event: Event) -> str:
    """The text of an event in vLLM's form."""
    return "".join(choice.delta.content or "" for choice in event.choices)


Answer = TypeVar("Answer", Document, Event)


def decoded(data: bytes, kind: type[Answer]) -> Answer:
    """JSON from a server. Raises `EngineError` for what is none, or is another kind of document."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise EngineError(
            f"answered with something that is no transcript: {error}", code="invalid_response"
        ) from error
