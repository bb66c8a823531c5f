"""Words that nobody said: telling noise from speech by what a recogniser made of it.

Recognisers that were trained on subtitles, Whisper above all, write something even where nothing
was said: a farewell to viewers, the credits of a subtitler, one phrase again and again. Such a
text is worse than none, for it would be answered. This judges a text by what the recogniser
itself thought of it and by how much sound there was; the text becomes empty, which is noise.
"""

import re
import unicodedata
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from vivavoce.audio.pcm import FULL_SCALE, to_samples
from vivavoce.engines.base import EngineError
from vivavoce.engines.stt.invented_phrases import FREQUENT, NEVER_SPOKEN

_FRAME_MS = 20


class NoiseRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a text counts as noise. A rule that is None is off.

    The first three are the thresholds of Whisper's own reference implementation.
    """

    no_speech_probability: float | None = 0.6
    """Above this the text is noise, ..."""
    average_logprob: float | None = -1.0
    """... but for words of which the recogniser was sure: more than this on the average."""
    compression_ratio: float | None = 2.4
    """Bytes of the text by bytes once compressed: above this a long text repeats itself, and is
    noise if the recogniser was not sure of it, or nobody speaks as fast."""
    characters_per_second: float | None = 40.0
    """A text with more of them for each second of sound was not spoken; fast speech has 25."""
    voiced_dbfs: float = -55.0
    """What is louder than this, in 20 ms, counts as sound."""
    least_voiced_ms: int = 40
    """With less sound than this any text is noise."""
    phrases: bool = True
    """Whether a text that is nothing but a well-known invention is noise."""

    @classmethod
    def of(cls, settings: Mapping[str, Any] | None) -> "NoiseRules":
        """The rules with these settings changed. Raises `EngineError` naming a wrong one."""
        try:
            return msgspec.convert(dict(settings or {}), cls)
        except msgspec.ValidationError as error:
            raise EngineError(f"noise: {error}", code="invalid_configuration") from error


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a text, besides its words; None where the recogniser does not say."""

    no_speech_probability: float | None = None
    average_logprob: float | None = None
    """Of the text's tokens, natural logarithm."""
    voiced_ms: int | None = None
    """How much of the audio was not quiet."""


def is_noise(text: str, evidence: Evidence, rules: NoiseRules) -> bool:
    """Tell whether nobody said this."""
    words = plain(text)
    if not words:
        return True
    return (
        _is_unheard(evidence, rules)
        or _is_endless(text, words, evidence, rules)
        or _is_too_long(words, evidence, rules)
        or (rules.phrases and _is_invented(words, evidence))
    )


def may_be_invented(text: str, rules: NoiseRules) -> bool:
    """Tell whether this beginning of a text may still become a well-known invention."""
    words = plain(text)
    return not words or (rules.phrases and any(phrase.startswith(words) for phrase in NEVER_SPOKEN))


def voiced_ms(pcm: bytes, rate: int, rules: NoiseRules) -> int:
    """Milliseconds of int16 PCM at `rate` hertz that are louder than the rules' threshold."""
    samples = to_samples(pcm).astype(np.float32)
    frame = rate * _FRAME_MS // 1000
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    power = np.mean(frames * frames, axis=1)
    threshold = (FULL_SCALE * 10 ** (rules.voiced_dbfs / 20)) ** 2
    return int(np.count_nonzero(power > threshold)) * _FRAME_MS


def compression_ratio(text: str) -> float:
    """How much shorter a text becomes by leaving out what repeats itself; about 1 for speech."""
    data = text.encode()
    return len(data) / len(zlib.compress(data))


def repeats_itself(text: str, rules: NoiseRules) -> bool:
    """Tell whether a text says the same again and again. Of a short one nothing can be told."""
    limit = rules.compression_ratio
    return limit is not None and len(text) >= _LONG and compression_ratio(text) > limit


_LONG = 80
"""Characters: more than an answer that somebody repeats for emphasis."""


def plain(text: str) -> str:
    """The letters and digits of a text in lower case, with single spaces between words."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.sub(r"[^\w]|_", " ", folded).split())


def _is_unheard(evidence: Evidence, rules: NoiseRules) -> bool:
    """The recogniser believes that nobody spoke, or there was no sound."""
    if evidence.voiced_ms is not None and evidence.voiced_ms < rules.least_voiced_ms:
        return True
    probability, limit = evidence.no_speech_probability, rules.no_speech_probability
    if probability is None or limit is None or probability <= limit:
        return False
    logprob, sure = evidence.average_logprob, rules.average_logprob
    return logprob is None or sure is None or logprob < sure


def _is_endless(text: str, words: str, evidence: Evidence, rules: NoiseRules) -> bool:
    """A phrase again and again, of which a recogniser is not sure or which was not spoken.

    People count, spell, and say no twenty times.
    """
    if not repeats_itself(text, rules):
        return False
    logprob, sound = evidence.average_logprob, evidence.voiced_ms
    too_fast = sound is not None and len(words) > _FAST * (sound + _SLACK_MS) / 1000
    return too_fast or logprob is None or logprob < _UNSURE


def _is_too_long(words: str, evidence: Evidence, rules: NoiseRules) -> bool:
    """More was written than can have been said in the time."""
    limit, sound = rules.characters_per_second, evidence.voiced_ms
    if limit is None or sound is None:
        return False
    return len(words) > limit * (sound + _SLACK_MS) / 1000


_SLACK_MS = 300
"""Soft consonants at the edges of words are quieter than the threshold."""


_FAST = 25.0
"""Characters per second of the fastest speech."""


def _is_invented(words: str, evidence: Evidence) -> bool:
    """A phrase of subtitles; or a common one, where little speaks for it."""
    if words in NEVER_SPOKEN:
        return True
    probability = evidence.no_speech_probability
    if words not in FREQUENT or probability is None or probability <= _DOUBTFUL:
        return False
    logprob, sound = evidence.average_logprob, evidence.voiced_ms
    unsure = logprob is not None and logprob < _UNSURE
    return unsure or (sound is not None and sound < _LITTLE_MS)


_DOUBTFUL = 0.3
"""The probability of no speech above which a frequent invention has to be backed."""
_UNSURE = -0.7
"""The average log probability below which a recogniser guesses: every second token is unlikely."""
_LITTLE_MS = 160
"""Sound, in milliseconds: a "thank you" takes longer, a click or a breath does not."""
