"""docs/voices.md says what the tables of voices do."""

import re
from pathlib import Path

from vivavoce.engines.tts import kokoro, piper

PAGE = (Path(__file__).parents[2] / "docs" / "voices.md").read_text("utf-8")


def test_openais_names_are_on_the_page_with_their_voices() -> None:
    table = PAGE.split("## OpenAI's names")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (\S+) \|$", table, re.MULTILINE)
    assert {name: voice for name, voice, _ in rows} == kokoro.VOICES
    assert {name: voice for name, _, voice in rows} == piper.VOICES
