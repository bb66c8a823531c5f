"""Finding a model's file. The hub's own library reads the folders that the tests lay out."""

from pathlib import Path

import pytest

from vivavoce.engines.base import EngineError
from vivavoce.engines.llm.gguf_files import gguf_file

pytest.importorskip("huggingface_hub")

REVISION = "0123456789abcdef0123456789abcdef01234567"


def downloaded(cache: Path, *names: str) -> Path:
    """A repository as the hub's library leaves it behind; the folder of its files."""
    repository = cache / "models--someone--Tiny-GGUF"
    files = repository / "snapshots" / REVISION
    files.mkdir(parents=True)
    for name in names:
        (files / name).write_bytes(b"GGUF")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(REVISION)
    return files


def found(model: str, cache: Path) -> str:
    return gguf_file(model, download_root=str(cache), offline=True).name


def test_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.touch()
    assert gguf_file(str(path), download_root=None, offline=False) == path


def test_a_path_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="there is no file"):
        gguf_file(str(tmp_path / "tiny.gguf"), download_root=None, offline=False)


def test_a_repository_gives_its_q4_k_m(tmp_path: Path) -> None:
    downloaded(tmp_path, "tiny-Q4_K_M.gguf", "tiny-Q8_0.gguf", "mmproj-Q4_K_M.gguf")
    assert found("someone/Tiny-GGUF", tmp_path) == "tiny-Q4_K_M.gguf"


def test_another_quantisation_is_named_behind_a_colon(tmp_path: Path) -> None:
    downloaded(tmp_path, "tiny-q4_k_m.gguf", "tiny-q8_0.gguf")
    assert found("someone/Tiny-GGUF:Q8_0", tmp_path) == "tiny-q8_0.gguf"


def test_of_a_model_in_parts_the_first_is_given(tmp_path: Path) -> None:
    downloaded(tmp_path, "t-Q4_K_M-00002-of-00002.gguf", "t-Q4_K_M-00001-of-00002.gguf")
    assert found("someone/Tiny-GGUF", tmp_path) == "t-Q4_K_M-00001-of-00002.gguf"


def test_a_quantisation_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    downloaded(tmp_path, "tiny-Q8_0.gguf")
    with pytest.raises(EngineError, match=r"no GGUF file with 'Q4_K_M'.*tiny-Q8_0") as caught:
        found("someone/Tiny-GGUF", tmp_path)
    assert caught.value.code == "model_not_found"


def test_offline_nothing_is_downloaded(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="`offline` forbids") as caught:
        found("someone/Tiny-GGUF", tmp_path)
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize("model", ["tiny", "a/b/c", "a/b c"])
def test_what_is_neither_is_refused(model: str) -> None:
    with pytest.raises(EngineError, match="neither the path"):
        gguf_file(model, download_root=None, offline=True)
