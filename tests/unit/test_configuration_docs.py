"""docs/configuration.md says what the program does."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
import yaml

from vivavoce.assembly import assemble
from vivavoce.cli.serve import serve
from vivavoce.config import ModelSpec, PipelineSpec, Settings, read_settings
from vivavoce.engines.llm.reply_script import parse_reply_script
from vivavoce.engines.registry import SLOTS
from vivavoce.mock.script import parse_mock_script
from vivavoce.transports.exposure import check_exposure

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "configuration.md").read_text("utf-8")
MODELS_PAGE = (ROOT / "docs" / "models.md").read_text("utf-8")
EXAMPLES = ROOT / "examples" / "config"
NONE = "–"
YAML_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)


def rows() -> dict[str, list[str]]:
    """The cells of the table of keys, by key, without backquotes."""
    table = PAGE.split("## Every key")[1].split("\n## ")[0]
    cells = (
        [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        for line in table.splitlines()
        if line.startswith("| `")
    )
    return {key: others for key, *others in cells}


def keys_of(page: str, heading: str) -> list[str]:
    """The first cells of the table under a heading."""
    table = page.split(heading)[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)`", table, re.MULTILINE)


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The file at the end of the page."""
    found = re.search(r"## An example\n+```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    path = tmp_path / "vivavoce.yaml"
    path.write_text(found[1], "utf-8")
    return path


def test_every_setting_is_on_the_page_and_nothing_else() -> None:
    assert list(rows()) == list(Settings.__struct_fields__)


def test_options_and_environment_variables_are_those_of_the_command() -> None:
    options = {each.name: each for each in serve.params if isinstance(each, click.Option)}
    for key, (option, variable, *_) in rows().items():
        found = options.get(key)
        assert option == (found.opts[0] if found else NONE)
        assert variable == (found.envvar if found else NONE)


def test_defaults_are_those_of_the_settings() -> None:
    shown = {key: cells[2] for key, cells in rows().items()}
    for key, value in msgspec.structs.asdict(Settings()).items():
        if value in (None, ""):
            assert shown[key] in ("none", "empty") or key in ("vad", "stt", "llm", "tts")
        else:
            assert yaml.safe_load(shown[key]) == (list(value) if value == () else value)


def test_engines_that_are_the_default_are_named() -> None:
    engines = assemble(Settings()).resolve("").engines
    for slot in SLOTS:
        assert rows()[slot][2] == engines[slot].make().name


def test_the_example_is_accepted(example: Path) -> None:
    settings = read_settings(example, {})
    check_exposure(settings)
    assert (settings.port, settings.retain_audio) == (9000, "none")
    engines = assemble(settings).resolve("").engines
    assert (engines["llm"].make().name, engines["stt"].make().name) == ("openai", "scripted")


def test_every_key_of_a_model_is_on_its_page_and_nothing_else() -> None:
    assert keys_of(MODELS_PAGE, "## Every key of a model") == list(ModelSpec.__struct_fields__)
    assert keys_of(MODELS_PAGE, "## Every part of a pipeline") == list(
        PipelineSpec.__struct_fields__
    )


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_examples_can_be_used(path: Path) -> None:
    assert assemble(read_settings(path, {})).plans


def test_the_files_of_the_page_can_be_used(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", MODELS_PAGE, re.DOTALL)
    assert len(blocks) >= 2
    for number, block in enumerate(blocks):
        file = tmp_path / f"{number}.yaml"
        file.write_text(block, "utf-8")
        assert assemble(read_settings(file, {})).plans


def yaml_examples() -> Iterator[Any]:
    """Each block of YAML in the docs, with the page that it stands on."""
    for page in (ROOT / "README.md", *sorted(DOCS.glob("*.md"))):
        for number, block in enumerate(YAML_BLOCK.findall(page.read_text("utf-8")), start=1):
            yield pytest.param(page.name, block, id=f"{page.name} {number}")


@pytest.mark.parametrize(("page", "block"), list(yaml_examples()))
def test_every_yaml_example_of_the_docs_is_accepted(page: str, block: str, tmp_path: Path) -> None:
    match page:
        case "reply-scripts.md":
            assert parse_reply_script(block, page).rules
        case "mock.md":
            parse_mock_script(block, page, "instant")
        case _:
            path = tmp_path / "vivavoce.yaml"
            path.write_text(block, "utf-8")
            check_exposure(read_settings(path, {}))
