"""Options of engines are checked before an engine is made, and an error says where it stands."""

from pathlib import Path

import pytest

from vivavoce.assembly import assemble
from vivavoce.config import ConfigError, read_configuration
from vivavoce.config.engine_options import options_of_kind
from vivavoce.engines.llm.scripted import ScriptedModel


def assembled(text: str, folder: Path) -> None:
    """Read a file and make the engines of its models."""
    path = folder / "models.yaml"
    path.write_text(text)
    found = read_configuration(path, {})
    assemble(found.settings, found.places)


def refused(text: str, folder: Path) -> str:
    """What is said of a file."""
    with pytest.raises(ConfigError) as caught:
        assembled(text, folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("tts: {engine: espeak, proceses: 3}", "pipeline.tts.proceses: tts engine 'espeak' has no"),
        ("tts: {engine: espeak, proceses: 3}", "Did you mean 'processes'?"),
        ("tts: {engine: espeak, processes: many}", "'processes': expected an integer"),
        ("tts: {engine: scripted, ms_per_char: !!set {a}}", "'ms_per_char': expected a decimal"),
        ("vad: {engine: scripted, threshold: loud}", "'threshold': expected a decimal"),
        ("llm: {engine: openai, base_url: 5, model: m}", "'base_url': expected a string"),
        ("llm: {engine: openai, base_url: 'http://x/v1'}", "Missing required parameter: 'model'"),
        ("llm: {engine: scripted, clock: now}", "has no option 'clock'"),
        ("tts: espeak:foo", "pipeline.tts: tts engine 'espeak' takes no argument"),
        ("llm: 'openai:http://'", "pipeline.llm: llm engine 'openai': "),
    ],
)
def test_an_option_is_refused_with_file_line_and_key(
    engine: str, said: str, tmp_path: Path
) -> None:
    text = refused(f"- name: a\n  pipeline:\n    {engine}\n", tmp_path)
    assert text.startswith(f"{tmp_path}/models.yaml:3: ")
    assert said in text


def test_a_key_of_the_wrong_type_is_not_shown(tmp_path: Path) -> None:
    llm = "llm: {engine: openai, base_url: 'http://x/v1', model: m, api_key: [sk-1234]}"
    text = refused(f"- name: a\n  pipeline:\n    {llm}\n", tmp_path)
    assert "'api_key': expected a string" in text
    assert "sk-1234" not in text


def test_an_engine_of_another_model_is_blamed_where_it_stands(tmp_path: Path) -> None:
    text = "- name: a\n  pipeline: {tts: voice}\n- name: voice\n  engine: {engine: espeak, x: 1}\n"
    assert refused(text, tmp_path).startswith(f"{tmp_path}/models.yaml:4: ")


def test_what_a_file_cannot_say_is_no_option() -> None:
    assert options_of_kind(ScriptedModel).__struct_fields__ == ("script",)


@pytest.mark.parametrize(
    ("default", "said"),
    [
        ("noise_reduction: {type: near_field}", "noise_reduction: "),
        ("voice: nosuchvoice", "voice: "),
    ],
)
def test_session_defaults_that_the_engines_cannot_follow_are_refused(
    default: str, said: str, tmp_path: Path
) -> None:
    text = refused(f"name: a\npipeline: {{tts: espeak}}\n{default}\n", tmp_path)
    assert text.startswith(f"{tmp_path}/models.yaml:3: {said}")


def test_a_script_lies_beside_the_file_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "replies.yaml").write_text("rules: [{say: Hello.}]\n")
    path = tmp_path / "vivavoce.yaml"
    path.write_text(
        "llm: scripted:replies.yaml\nmodels:\n- {name: a, pipeline: {llm: scripted:replies.yaml}}\n"
        "- {name: b, slot: llm, engine: {engine: scripted, script: replies.yaml}}\n"
    )
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = read_configuration(path, {})
    for plan in assemble(found.settings, found.places).plans.values():
        plan.engines["llm"].make().load()
