from pathlib import Path

import pytest

from vivavoce.config import ConfigError
from vivavoce.config.files import read_settings
from vivavoce.config.speculation_level import level_of


@pytest.mark.parametrize(
    ("written", "level"),
    [
        ("off", "off"),
        ("'off'", "off"),
        ("false", "off"),
        ("transcribe", "transcribe"),
        ("generate", "generate"),
        ("speak", "speak"),
        ("on", "speak"),
        ("true", "speak"),
    ],
)
def test_a_file_names_a_level_or_says_yes_or_no(written: str, level: str, tmp_path: Path) -> None:
    file = tmp_path / "vivavoce.yaml"
    file.write_text(f"speculate: {written}\n")
    assert level_of(read_settings(file, {}).speculate) == level


def test_another_word_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    file = tmp_path / "vivavoce.yaml"
    file.write_text("speculate: fully\n")
    with pytest.raises(ConfigError, match="'generate', 'off', 'speak', and 'transcribe'"):
        read_settings(file, {})
