"""What whoever uses an engine has to know of it, as a value that can be sent."""

from typing import Any

import msgspec

from vivavoce.engines.base import (
    EngineError,
    HasVoices,
    SpeechAbilities,
    abilities_of,
    speech_abilities_of,
)
from vivavoce.engines.registry import Slot
from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.voices import Voices

REMOTE_SLOTS: tuple[Slot, ...] = ("stt", "llm", "tts", "turn")
"""What may work in another process. Voice activity and noise reduction are asked for each piece of
every caller's audio: the way there would cost more than the work."""


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """An engine in values. What its slot does not have is left at its default."""

    name: str
    sample_rate: int = 0
    """Hertz, of the audio that it takes or gives."""
    hears_s: float = 0.0
    abilities: HearingAbilities | None = None
    """Of a recogniser."""
    speech: SpeechAbilities | None = None
    """Of a language model."""
    voices: Voices | None = None
    """Of a synthesiser that tells them; some do so only when they are loaded."""

    def check(self, expected: "Description") -> None:
        """Raises `EngineError` unless it has all that was expected of it before it was loaded."""
        for what, wanted, found in (
            ("sample_rate", expected.sample_rate, self.sample_rate),
            ("hears_s", expected.hears_s, self.hears_s),
            ("sample_rate", rate(expected.speech), rate(self.speech)),
        ):
            if wanted and wanted != found:
                raise differs(self.name, f"`{what}` is {found:g}, not {wanted:g}")
        for wants, has in (
            (expected.abilities, self.abilities),
            (expected.speech, self.speech),
        ):
            for ability, wanted in abilities(wants).items():
                if wanted and not getattr(has, ability, False):
                    raise differs(self.name, f"it has no `{ability}`")


def describe(slot: Slot, engine: Any) -> Description:
    """An engine of one of `REMOTE_SLOTS`, loaded or not."""
    known = Description(name=engine.name)
    if slot == "stt":
        known = msgspec.structs.replace(known, abilities=abilities_of(engine))
    if slot == "llm":
        return msgspec.structs.replace(known, speech=speech_abilities_of(engine))
    if slot == "turn":
        known = msgspec.structs.replace(known, hears_s=float(engine.hears_s))
    if slot == "tts" and isinstance(engine, HasVoices):
        known = msgspec.structs.replace(known, voices=engine.voices)
    return msgspec.structs.replace(known, sample_rate=engine.sample_rate)


def rate(speech: SpeechAbilities | None) -> int:
    """The rate of a model that hears or speaks; 0 for all others."""
    return 0 if speech is None or not (speech.hears or speech.speaks) else speech.sample_rate


def abilities(of: HearingAbilities | SpeechAbilities | None) -> dict[str, bool]:
    """What is either there or not, by name."""
    values = {} if of is None else msgspec.structs.asdict(of)
    return {name: value for name, value in values.items() if isinstance(value, bool)}


def differs(name: str, how: str) -> EngineError:
    """An engine elsewhere is not what it was taken for."""
    return EngineError(
        f"the remote engine {name} is not as it was described here: {how}. Write it into the "
        "options of this engine.",
        code="invalid_configuration",
    )
