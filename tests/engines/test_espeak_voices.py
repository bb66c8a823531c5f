"""The voices of espeak-ng that a client may name; no process is needed to tell."""

import pytest

from vivavoce.engines.tts.espeak import VOICES, EspeakSynthesizer
from vivavoce.protocol.errors import Refusal
from vivavoce.protocol.voices import OPENAI_VOICES


@pytest.mark.parametrize("name", [*OPENAI_VOICES, "de", "en-us+m3"])
def test_a_client_may_name_what_can_be_spoken_with(name: str) -> None:
    EspeakSynthesizer.voices.check(name, "voice")


@pytest.mark.parametrize("name", ["cleo", "../../etc/passwd", "mb-us1", "dé"])
def test_a_client_is_told_the_voices_that_there_are(name: str) -> None:
    with pytest.raises(Refusal, match=r"'alloy', 'ash', .*, and 'onyx'\. A language of espeak-ng"):
        EspeakSynthesizer.voices.check(name, "voice")


def test_all_names_of_openai_have_a_voice() -> None:
    assert set(VOICES) == set(OPENAI_VOICES)
