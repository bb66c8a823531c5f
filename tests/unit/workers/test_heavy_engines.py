"""Whether heavy engines have a process, and what becomes of a reload."""

from pathlib import Path

import pytest

from vivavoce.config import ConfigError, Settings
from vivavoce.workers.heavy_engines import UNSHARED, has_heavy, hosted

LIGHT = Settings(vad="scripted", stt="scripted", tts="scripted")
HEAVY = Settings(vad="scripted", stt="scripted", tts="espeak")


def test_what_holds_child_processes_is_heavy() -> None:
    assert has_heavy(HEAVY)
    assert not has_heavy(LIGHT)


async def test_without_heavy_engines_there_is_no_process(tmp_path: Path) -> None:
    async with hosted(LIGHT, tmp_path) as engines:
        assert engines.address is None
        assert await engines.reload(LIGHT) == ()


async def test_the_first_heavy_engine_of_a_reload_is_not_shared(tmp_path: Path) -> None:
    async with hosted(LIGHT, tmp_path) as engines:
        assert await engines.reload(HEAVY) == (UNSHARED,)
        assert engines.address is None


async def test_settings_that_cannot_be_are_refused(tmp_path: Path) -> None:
    wrong = Settings(tts={"engine": "espeak", "no_such_option": 1})
    with pytest.raises(ConfigError, match="no_such_option"):
        async with hosted(wrong, tmp_path):
            pass
