import pytest

from vivavoce.session.backchannels import USUAL, Backchannels, usual
from vivavoce.session.barge_in_policy import BargeInPolicy

ENGLISH = Backchannels(usual("en"))


@pytest.mark.parametrize(
    "text", ["Mm-hmm.", "yeah, yeah", "Uh huh — I see!", "OKAY", "Right. Right."]
)
def test_a_listener_says_these(text: str) -> None:
    assert ENGLISH.make_up(text)


@pytest.mark.parametrize("text", ["yeah, but", "no", "", "stop", "I see a problem", "…", "rightly"])
def test_a_speaker_says_these(text: str) -> None:
    assert not ENGLISH.make_up(text)


@pytest.mark.parametrize("text", ["", "ye", "yeah", "I", "yeah I s", "i see, o"])
def test_a_text_that_goes_on_may_become_one(text: str) -> None:
    assert ENGLISH.may_become(text)


@pytest.mark.parametrize("text", ["yeah but", "I think", "stop"])
def test_a_text_that_goes_on_may_be_none_already(text: str) -> None:
    assert not ENGLISH.may_become(text)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Ach so, ja."),
        ("fr", "D'accord !"),
        ("ja", "うん、うん。"),
        ("zh", "嗯嗯，对。"),
        ("ko", "네, 네."),
    ],
)
def test_each_language_has_its_own(language: str, text: str) -> None:
    assert Backchannels(usual(language)).make_up(text)
    assert Backchannels(usual(None)).make_up(text), "of no known language all are taken"


@pytest.mark.parametrize("language", USUAL)
def test_every_usual_one_is_one(language: str) -> None:
    assert all(map(Backchannels(usual(language)).make_up, usual(language)))


def test_a_region_does_not_matter() -> None:
    assert usual("de-AT") == usual("de_CH") == usual("DE") == USUAL["de"]


def test_long_repetition_is_read_at_once() -> None:
    assert not ENGLISH.make_up("mm " * 500 + "no")


def test_a_policy_is_off_by_default_and_names_its_list() -> None:
    assert not BargeInPolicy().reads
    assert not BargeInPolicy(least_voiced_ms=1).reads
    assert BargeInPolicy(backchannels=True).going_by("de").make_up("genau")
    assert not BargeInPolicy(backchannels=("go on",)).going_by("en").make_up("yeah")
