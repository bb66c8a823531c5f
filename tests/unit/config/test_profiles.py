"""Ready-made models, and what an operator names besides."""

from pathlib import Path
from typing import Any

import pytest

from vivavoce.assembly import assemble
from vivavoce.config import PROFILES, Profile, read_configuration
from vivavoce.config.resolution import resolve


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def engines(name: Profile, **given: Any) -> dict[str, str]:
    settings = read_configuration(None, given, name).settings
    return {slot: str(each) for slot, each in resolve(settings.models[0], settings).engines.items()}


@pytest.mark.parametrize("name", PROFILES)
def test_every_name_means_the_model_of_a_profile(name: Profile) -> None:
    catalogue = assemble(read_configuration(None, {}, name).settings)
    assert catalogue.resolve("gpt-realtime").name == name


def test_local_downloads_into_the_cache(tmp_path: Path) -> None:
    model = read_configuration(None, {}, "local").settings.models[0]
    assert {Path(file.filename).parent for file in model.download_files} == {tmp_path / "vivavoce"}
    assert engines("local")["llm"].endswith(f"{tmp_path / 'vivavoce'}/{files(model)[0]}")


def files(model: Any) -> list[str]:
    return [Path(file.filename).name for file in model.download_files]


def test_an_engine_that_is_named_besides_takes_its_place(tmp_path: Path) -> None:
    assert (
        engines("local", llm="http://localhost:1/v1#m")["llm"]
        == "openai m at http://localhost:1/v1"
    )
    model = read_configuration(None, {"llm": "scripted", "tts": "espeak"}, "local").settings.models[
        0
    ]
    assert files(model) == []


def test_remote_is_the_server_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
    assert engines("remote")["stt"].endswith("at http://localhost:8000/v1")
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert engines("remote")["tts"].endswith("at https://api.openai.com/v1")


def test_a_file_may_have_a_default_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "vivavoce.yaml"
    file.write_text("default_model: mine\nmodels:\n- {name: mine, pipeline: {}}\n")
    settings = read_configuration(file, {}, "local").settings
    assert settings.default_model == "mine"
    assert [model.name for model in settings.models] == ["mine", "local"]
