"""Where the models of engines come from that fetch their own."""

from pathlib import Path

import pytest

from vivavoce.engines.base import EngineError
from vivavoce.engines.downloads import fetch, whisper_repository


def test_sizes_of_whisper_come_from_where_faster_whisper_has_them() -> None:
    utils = pytest.importorskip("faster_whisper.utils")
    assert {size: whisper_repository(size) for size in utils._MODELS} == utils._MODELS


@pytest.mark.parametrize(
    ("model", "repository"),
    [("owner/model", "owner/model"), ("./folder", None), ("/a/folder", None), ("~/folder", None)],
)
def test_a_name_of_the_hub_is_its_own_and_a_folder_has_none(
    model: str, repository: str | None
) -> None:
    assert whisper_repository(model) == repository


def test_offline_nothing_is_downloaded(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    options = {"model": "owner/never-there", "download_root": str(tmp_path)}
    with pytest.raises(EngineError, match="owner/never-there cannot be had"):
        fetch("stt", "faster-whisper", options, offline=True)


def test_an_engine_without_a_model_of_the_hub_needs_nothing() -> None:
    fetch("tts", "espeak", {}, offline=True)
