"""Which speech over an answer interrupts it: an operator's choice, and by default all of it."""

from typing import Annotated

import msgspec
from msgspec import Meta

from vivavoce.session.backchannels import Backchannels, usual


class BargeInPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What speech over an answer has to be to interrupt it; `barge_in` of a model.

    `speech_started` is sent at once in any case; only the cancel waits. What does not interrupt
    becomes an item like any other turn, and is not answered (docs/turn-taking.md).
    """

    least_voiced_ms: Annotated[int, Meta(ge=0, le=10_000)] = 0
    """Milliseconds of speech, pauses not counted: with less, nothing is interrupted."""
    backchannels: bool | tuple[str, ...] = False
    """Whether `mm-hmm`, `yeah` and the like go by: true for the usual ones of the session's
    `transcription.language`, or a list of phrases."""
    ignore_own_speech: bool = False
    """Whether the assistant's own words, heard back through the speakers, go by."""

    @property
    def reads(self) -> bool:
        """Whether it has to be known what is said."""
        return bool(self.backchannels) or self.ignore_own_speech

    def going_by(self, language: str | None) -> Backchannels:
        """The backchannels, for a session in this language (ISO 639-1) or any."""
        if isinstance(self.backchannels, bool):
            return Backchannels(usual(language) if self.backchannels else ())
        return Backchannels(self.backchannels)
