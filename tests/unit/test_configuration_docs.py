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
from vivavoce.config import Settings, read_settings
from vivavoce.engines.llm.reply_script import parse_reply_script
from vivavoce.mock.script import parse_mock_script
from vivavoce.transports.exposure import check_exposure

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "configuration.md").read_text("utf-8")
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


async def test_engines_that_are_the_default_are_named() -> None:
    pipeline = assemble(Settings())
    for slot in ("vad", "stt", "llm", "tts"):
        assert rows()[slot][2] == getattr(pipeline.engines, slot).name
    await pipeline.close()


async def test_the_example_is_accepted(example: Path) -> None:
    settings = read_settings(example, {})
    check_exposure(settings)
    assert (settings.port, settings.retain_audio) == (9000, "none")
    pipeline = assemble(settings)
    assert (pipeline.engines.llm.name, pipeline.engines.stt.name) == ("openai", "scripted")
    await pipeline.close()


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
