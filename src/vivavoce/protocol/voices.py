"""The voices that clients may name."""

import re

import msgspec

from vivavoce.protocol.errors import in_words, refuse
from vivavoce.protocol.session_config import VoiceId, VoiceName

OPENAI_VOICES = (
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
)
"""The names that every synthesiser answers to, with whatever voice it has (protocol 2.1).

`fable`, `nova` and `onyx` are those of `/v1/audio/speech` only; a session may name them all the
same.
"""


class Voices(msgspec.Struct, frozen=True, kw_only=True):
    """The voices of a synthesiser.

    `names` are told to whoever asks for one that is not there. `others` is a regular expression
    for more names that may be asked for, and `note` a sentence about those.
    """

    names: tuple[str, ...]
    others: str | None = None
    note: str = ""

    def check(self, voice: VoiceName, param: str) -> None:
        """Raises `Refusal` for a voice that is not there; `param` is where it stands."""
        name = voice_name(voice)
        if name in OPENAI_VOICES or name in self.names:
            return
        if self.others is not None and re.fullmatch(self.others, name):
            return
        text = f"Invalid value: '{name}'. Supported values are: {in_words(self.names)}. {self.note}"
        raise refuse("invalid_value", text.rstrip(), param)


def voice_name(voice: VoiceName) -> str:
    """The voice as a synthesiser knows it."""
    return voice.id if isinstance(voice, VoiceId) else voice
