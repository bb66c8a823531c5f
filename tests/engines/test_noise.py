"""Text that nobody said is told from text that somebody did."""

import numpy as np
import pytest

from vivavoce.engines.base import EngineError
from vivavoce.engines.stt.noise import (
    Evidence,
    NoiseRules,
    compression_ratio,
    is_noise,
    plain,
    voiced_ms,
)

RULES = NoiseRules()
SPOKEN = Evidence(no_speech_probability=0.02, average_logprob=-0.25, voiced_ms=2000)


@pytest.mark.parametrize("text", ["", "  ", "...", "♪♪", " . ", "!?", "_"])
def test_text_without_a_letter_or_digit_is_noise(text: str) -> None:
    assert is_noise(text, SPOKEN, RULES)


@pytest.mark.parametrize(
    "text",
    [
        " Thanks for watching!",
        "Thank you for watching.",
        "Subtitles by the Amara.org community",
        "Untertitelung des ZDF, 2020",
        "Untertitel im Auftrag des ZDF für funk, 2017",
        "Sous-titres réalisés para la communauté d'Amara.org",
        "¡Gracias por ver el video!",
        "Субтитры сделал DimaTorzok",
        "ご視聴ありがとうございました",
        "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
        "시청해주셔서 감사합니다.",
        "Altyazı M.K.",
    ],
)
def test_a_subtitlers_phrase_alone_is_noise_however_sure_the_model_is(text: str) -> None:
    assert is_noise(text, SPOKEN, RULES)
    assert not is_noise(text, SPOKEN, NoiseRules(phrases=False))


@pytest.mark.parametrize(
    "text",
    [
        "What does the phrase thanks for watching mean?",
        "Thank you.",
        "You",
        "No, no, no, no.",
        "Yes.",
        "42",
        "はい、お願いします。",
        "Can you subscribe me to the newsletter?",
    ],
)
def test_ordinary_words_are_speech(text: str) -> None:
    assert not is_noise(text, SPOKEN, RULES)


@pytest.mark.parametrize("text", ["Thank you.", "you", "Vielen Dank.", "Bye.", "Okay."])
def test_a_frequent_invention_needs_more_to_be_believed(text: str) -> None:
    unsure = Evidence(no_speech_probability=0.4, average_logprob=-0.8, voiced_ms=600)
    brief = Evidence(no_speech_probability=0.4, average_logprob=-0.3, voiced_ms=100)
    said = Evidence(no_speech_probability=0.4, average_logprob=-0.3, voiced_ms=300)
    assert is_noise(text, unsure, RULES)
    assert is_noise(text, brief, RULES)
    assert not is_noise(text, said, RULES)
    assert not is_noise("Turn left.", unsure, RULES)


def test_a_probability_of_no_speech_counts_unless_the_words_are_sure() -> None:
    unsure = Evidence(no_speech_probability=0.8, average_logprob=-1.2, voiced_ms=2000)
    sure = Evidence(no_speech_probability=0.8, average_logprob=-0.2, voiced_ms=2000)
    assert is_noise("Turn left at the corner.", unsure, RULES)
    assert not is_noise("Turn left at the corner.", sure, RULES)
    assert not is_noise("Turn left at the corner.", unsure, NoiseRules(no_speech_probability=None))


def test_a_text_that_repeats_itself_without_end_is_noise() -> None:
    looped = "I'm going to go to the bathroom. " * 12
    unsure = Evidence(no_speech_probability=0.1, average_logprob=-0.9, voiced_ms=20_000)
    fast = Evidence(no_speech_probability=0.1, average_logprob=-0.1, voiced_ms=13_000)
    assert compression_ratio(looped) > 2.4
    assert is_noise(looped, unsure, RULES)
    assert is_noise(looped, fast, RULES)
    assert not is_noise(looped, unsure, NoiseRules(compression_ratio=None))


@pytest.mark.parametrize(
    ("text", "voiced"),
    [
        ("No, no, no, no, no, no, no, no, no, no, no, no.", 4_000),
        ("0 0 0 0 0 0 0 0 0 0 0 0 0 0 0", 5_000),
        ("はいはいはいはいはいはいはいはい", 2_000),
        ("हाँ हाँ हाँ हाँ हाँ हाँ", 2_000),
        ("No, no, no, no, no, no, no, no. " * 4, 10_000),
    ],
)
def test_people_repeat_themselves_too(text: str, voiced: int) -> None:
    sure = Evidence(no_speech_probability=0.01, average_logprob=-0.1, voiced_ms=voiced)
    assert not is_noise(text, sure, RULES)


def test_more_text_than_there_was_sound_for_is_noise() -> None:
    short = Evidence(voiced_ms=200)
    assert is_noise("and so we have come to the end of this episode", short, RULES)
    assert not is_noise("Stop!", short, RULES)
    assert not is_noise("and so we have come to the end of this episode", Evidence(), RULES)


def test_any_text_is_noise_where_there_was_no_sound() -> None:
    assert is_noise("Hello.", Evidence(voiced_ms=0), RULES)
    assert not is_noise("Hello.", Evidence(voiced_ms=0), NoiseRules(least_voiced_ms=0))


def test_sound_is_what_is_louder_than_the_threshold() -> None:
    second = np.zeros(16_000, "<i2")
    second[4_000:8_000] = 3_000 * np.sin(np.arange(4_000) * 0.2)
    assert voiced_ms(second.tobytes(), 16_000, RULES) in range(240, 281)
    assert voiced_ms(bytes(32_000), 16_000, RULES) == 0
    assert voiced_ms(b"", 16_000, RULES) == 0


def test_text_is_compared_without_marks_case_and_spaces() -> None:
    assert plain("  Thanks for\u00a0WATCHING!! ") == "thanks for watching"


def test_a_wrong_setting_is_named() -> None:
    assert NoiseRules.of({"compression_ratio": 3}).compression_ratio == 3
    with pytest.raises(EngineError, match=r"noise: .*compresion_ratio"):
        NoiseRules.of({"compresion_ratio": 3})
