"""A transcript as events, while it is made: `transcript.text.delta` and `transcript.text.done`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from vivavoce.engines.base import Transcript
from vivavoce.transports.rest.transcripts import joint


class Telling:
    """What a client has been told of a transcript, and what waits to be told.

    Pieces that come while one is being sent are joined. `text` is all of them: pieces of several
    parts of a recording make one text.
    """

    def __init__(self) -> None:
        self.text = ""
        self._part = ""
        """What was told of the part at work, without what joins it to the one before."""
        self._waiting = ""
        self._ended = False
        self._news = asyncio.Event()

    def push(self, piece: str) -> None:
        """The recogniser is sure of some more words of the part at work."""
        if not self._part:
            piece = piece.lstrip()
            self._tell(joint(self.text, piece))
        self._part += piece
        self._tell(piece)

    def finish(self, transcript: Transcript) -> None:
        """The part at work is heard: tell what is missing of it."""
        whole = transcript.text
        self.push(whole.lstrip()[len(self._part) :] if self._part else whole.strip())
        self._part = ""

    def end(self) -> None:
        """There are no more parts."""
        self._ended = True
        self._news.set()

    async def pieces(self) -> AsyncIterator[str]:
        """What waits, again and again, until the end."""
        while True:
            await self._news.wait()
            self._news.clear()
            piece, self._waiting = self._waiting, ""
            if piece:
                yield piece
            elif self._ended:
                return
            if self._ended:
                self._news.set()

    def _tell(self, piece: str) -> None:
        self.text += piece
        self._waiting += piece
        self._news.set()


def delta(piece: str) -> dict[str, Any]:
    """The event with some more words."""
    return {"type": "transcript.text.delta", "delta": piece}


def done(text: str, logprobs: list[dict[str, Any]] | None) -> dict[str, Any]:
    """The event with the whole."""
    event: dict[str, Any] = {"type": "transcript.text.done", "text": text}
    return event if logprobs is None else {**event, "logprobs": logprobs}
