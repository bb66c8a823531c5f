import re
from pathlib import Path

import pytest

from vivavoce.config import ConfigError
from vivavoce.mock.script import MockScript, Pace, parse_mock_script, read_mock_script

DOCS = Path(__file__).parents[3] / "docs" / "mock.md"


def parsed(text: str, pace: Pace = "instant") -> MockScript:
    return parse_mock_script(text, "turns.yaml", pace)


def test_an_empty_script_is_the_built_in_conversation() -> None:
    assert parsed("").replies.rules == read_mock_script(None, "instant").replies.rules


def test_what_is_heard_stands_beside_the_rules() -> None:
    script = parsed("hears: [hello, null]\nrules: [{say: Hi.}]\n")
    assert script.hears == ["hello", None]
    assert len(script.replies.rules) == 1


def test_at_the_pace_of_life_words_take_time_where_the_script_gives_none() -> None:
    text = "token_ms: 5\nhear_ms: 7\nrules: [{say: Hi.}, {say: Well., delay_ms: 0}]\n"
    first, second = parsed(text, "real").replies.rules
    assert (first.delay_ms, first.token_ms) == (300, 5)
    assert second.delay_ms == 0
    assert parsed(text, "real").hear_ms == 7


def test_at_once_only_what_the_script_says_takes_time() -> None:
    script = parsed("rules: [{say: Hi.}, {say: Well., delay_ms: 20}]\nvoice: {delay_ms: 3}\n")
    assert [rule.delay_ms for rule in script.replies.rules] == [0, 20]
    assert (script.hear_ms, script.voice_delay_ms) == (0, 3)


def test_the_scripts_of_the_documentation_can_be_read() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert [len(parsed(block).faults) for block in blocks] == [1, 5]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rules: [{say: Hi.}]\nfaults: [{drop: true}, {nth: 0}]", "turns.yaml: fault 2: .*nth"),
        ("faults: [{drop: maybe}]", "turns.yaml: fault 1: .*drop"),
        ("hears: []", "turns.yaml: .*hears"),
        ("voice: {speed: 2}", "turns.yaml: .*speed"),
        ("- say: Hi.", "turns.yaml: expected keys"),
        ("rules: [{sya: Hi.}]", "turns.yaml: rule 1"),
        ("rulse: []", "turns.yaml: .*rulse"),
        ("rules: [", "turns.yaml: line"),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "turns.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=problem):
        read_mock_script(file, "instant")
