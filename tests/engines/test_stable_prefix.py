"""What has been told is never taken back."""

from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.stt.stable_prefix import StablePrefix, common_prefix


def test_what_two_hypotheses_agree_on_is_sure() -> None:
    prefix = StablePrefix()
    heard = [prefix.update(text) for text in ("turn", "turn left", "turn lift", "turn left at")]
    assert heard == ["", "turn", " l", ""]
    assert prefix.update("turn left at the") == "eft at"
    assert prefix.completed("turn left at the corner") == "turn left at the corner"


def test_all_of_a_hypothesis_that_only_grows_is_sure() -> None:
    prefix = StablePrefix(grows=True)
    assert [prefix.update(text) for text in ("turn", "turn left ", "turn")] == ["turn", " left", ""]
    assert prefix.completed("turn left now") == "turn left now"


def test_white_space_waits_for_its_word() -> None:
    prefix = StablePrefix()
    prefix.update("yes ")
    assert prefix.update("yes ") == "yes"


def test_a_contradiction_keeps_what_was_told_and_goes_on_with_the_rest() -> None:
    prefix = StablePrefix()
    prefix.update("recognise")
    prefix.update("recognise speech")
    assert prefix.given == "recognise"
    assert prefix.completed("wreck a nice beach") == "recognise a nice beach"


def test_without_spaces_characters_count() -> None:
    prefix = StablePrefix()
    prefix.update("你好")
    prefix.update("你好世")
    assert prefix.completed("您好世界") == "你好世界"


@given(st.lists(st.text("ab 你", max_size=8)), st.text("ab 你", max_size=8))
def test_the_whole_always_begins_with_all_that_was_told(texts: list[str], last: str) -> None:
    prefix = StablePrefix()
    told = "".join(prefix.update(text) for text in texts)
    assert told == prefix.given
    assert prefix.completed(last).startswith(told)


def test_a_prefix_is_common_to_both() -> None:
    assert common_prefix("abc", "abd") == "ab"
    assert common_prefix("", "a") == ""
