"""Two builds of onnxruntime beside each other are told."""

import sys
from pathlib import Path

import pytest

from vivavoce.engines.onnx_packages import clash


def install(name: str, folder: Path) -> None:
    """What pip leaves of a package, for those who ask which there are."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


@pytest.mark.parametrize("names", [(), ("onnxruntime",), ("onnxruntime-gpu",)])
def test_one_build_or_none_is_fine(names: tuple[str, ...], site: Path) -> None:
    for name in names:
        install(name, site)
    assert clash() is None


def test_two_builds_are_told_with_what_to_do(site: Path) -> None:
    install("onnxruntime", site)
    install("onnxruntime-gpu", site)
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in (clash() or "")
