from pathlib import Path

import pytest

from vivavoce.engines.base import EngineError
from vivavoce.engines.llm import reply_script
from vivavoce.engines.llm.reply_script import ReplyScriptError, parse_reply_script
from vivavoce.engines.llm.scripted import read_script


def mistake(text: str) -> str:
    """What is said about the mistake in a script."""
    with pytest.raises(ReplyScriptError) as caught:
        parse_reply_script(text, "test.yaml")
    assert caught.value.code == "invalid_reply_script"
    assert isinstance(caught.value, EngineError)
    return str(caught.value)


def test_the_example_in_the_documentation_is_a_script() -> None:
    documentation = reply_script.__doc__ or ""
    lines = documentation.partition("::\n")[2].partition("\nEvery field")[0]
    script = parse_reply_script(lines, "example")
    assert len(script.rules) == 6
    assert {rule.token_ms for rule in script.rules} == {40}
    assert [rule.delay_ms for rule in script.rules] == [0, 0, 0, 2000, 0, 0]


def test_the_page_about_scripts_shows_scripts() -> None:
    page = Path(__file__).parents[2] / "docs" / "reply-scripts.md"
    examples = [part.partition("```")[0] for part in page.read_text("utf-8").split("```yaml\n")[1:]]
    assert examples
    for number, example in enumerate(examples):
        parse_reply_script(example, f"example {number}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [", "test.yaml: line 1: not valid YAML"),
        ("rules:\n\t- say: Hi.", "test.yaml: line 2: not valid YAML"),
        ("rules:\n- say: \x00", "test.yaml: not valid YAML"),
        ("", "test.yaml: Expected `object`, got `null`"),
        ("rulez: []", "test.yaml: Object contains unknown field `rulez`"),
        ("delay_ms: 5", "test.yaml: Object missing required field `rules`"),
        ("rules: []", "test.yaml: field `rules`: Expected `array` of length >= 1"),
        ("rules: [5]", "test.yaml: rule 1: Expected `object`, got `int`"),
        ("token_ms: fast\nrules: [{say: Hi.}]", "test.yaml: field `token_ms`: Expected `int`"),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, said: str) -> None:
    assert mistake(text).startswith(said)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{name: x, sya: Hi.}", "rule 2 (x): Object contains unknown field `sya`"),
        ("{when: hi}", "rule 2: field `say`: missing: a rule needs `say`, `call` or `fail`"),
        ("{say: 5}", "rule 2: field `say`: Expected `str | array | null`, got `int`; num"),
        ("{say: {time}}", "rule 2: field `say`: Expected `str | array | null`, got `object`; text"),
        ("{fail: {message: no}}", "rule 2: field `fail.message`: Expected `str`, got `bool`; num"),
        ("{say: []}", "rule 2: field `say`: Expected `array` of length >= 1"),
        ("{say: Hi., delay_ms: -1}", "rule 2: field `delay_ms`: Expected `int` >= 0"),
        ("{say: Hi., event: party}", "rule 2: field `event`: Invalid enum value 'party'"),
        ("{say: Hi., when: '('}", "rule 2: field `when`: '(' is no regular expression: missing )"),
        ("{say: Hi., when: '(?P<time>.)'}", "rule 2: field `when`: 'time' is built in"),
        ("{say: Hi., when: hi, event: opening}", "rule 2: field `when`: at event `opening` there"),
        ("{say: 'Hi {'}", "rule 2: field `say`: "),
        ("{say: 'Hi {you!r}'}", "rule 2: field `say`: {you} is no placeholder"),
        ("{say: 'Hi {0}'}", "rule 2: field `say`: {0} is no placeholder"),
        ("{say: 'Hi {who:upper}'}", "rule 2: field `say`: {who:upper}: the only format is :title"),
        ("{say: 'Hi {you}'}", "rule 2: field `say`: nothing gives {you} a value here; known are"),
        ("{say: '{result}'}", "rule 2: field `say`: nothing gives {result} a value here"),
        ("{call: {tool: f, arguments: {a: [{b: '{c}'}]}}}", "rule 2: field `call.arguments`: noth"),
        ("{call: {name: f}}", "rule 2: field `call`: Object contains unknown field `name`"),
        ("{call: any}", "rule 2: field `call`: Invalid enum value 'any'"),
        ("{say: Hi., after_tool: Ho.}", "rule 2: field `after_tool`: only a rule"),
        ("{fail: {code: x}}", "rule 2: field `fail`: Object missing required field `message`"),
    ],
)
def test_a_mistake_in_a_rule_names_rule_and_field(rule: str, said: str) -> None:
    script = "rules:\n- {when: '(?P<who>.)', say: '{who}'}\n- " + rule
    assert mistake(script).startswith(f"test.yaml: {said}")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReplyScriptError, match=r"none\.yaml: cannot be read: No such file"):
        read_script(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"rules: [{say: \xe9}]")
    with pytest.raises(ReplyScriptError, match=r"latin\.yaml: is not UTF-8 text"):
        read_script(tmp_path / "latin.yaml")


def test_a_script_that_is_right_is_read(tmp_path: Path) -> None:
    path = tmp_path / "replies.yaml"
    path.write_text("rules: [{say: Hi.}]", "utf-8")
    assert read_script(path).source == str(path)
