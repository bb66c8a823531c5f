"""The tolerant installation of pocketsphinx, by the real pip of an empty environment.

pip is told to use no index, so that what it finds is decided by a folder of the test.
"""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds nothing but pip."""
    venv = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True)
    return venv / "bin" / "python"


def install_recognizer(python: Path, wheels: Path, path: str) -> str:
    """Run `install_recognizer` where pip finds only `wheels`; return what it printed."""
    environment = {name: value for name, value in os.environ.items() if "PIP_" not in name}
    environment |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PATH": path}
    return subprocess.run(
        [python, "-c", "import install; install.install_recognizer()"],
        env=environment | {"PYTHONPATH": str(SCRIPTS), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_where_there_is_no_wheel_and_no_compiler_it_says_what_to_do(
    python: Path, tmp_path: Path
) -> None:
    said = install_recognizer(python, tmp_path, path=str(tmp_path))
    assert "pocketsphinx, the built-in recogniser, was not installed: it has no wheel" in said
    assert "Building" not in said
    assert "make install PYTHON=python3.13" in said


def test_where_it_cannot_be_built_either_it_says_what_to_do(python: Path, tmp_path: Path) -> None:
    compiler = tmp_path / "cc"
    compiler.write_text("#!/bin/sh\nexit 1\n")
    compiler.chmod(0o755)
    said = install_recognizer(python, tmp_path, path=str(tmp_path))
    assert f"Building pocketsphinx from source with {compiler}" in said
    assert "pocketsphinx could not be built: No matching distribution found" in said
    assert "make install PYTHON=python3.13" in said


def test_where_there_is_a_wheel_it_is_installed_without_a_word(
    python: Path, tmp_path: Path
) -> None:
    write_wheel(tmp_path)
    assert install_recognizer(python, tmp_path, path=str(tmp_path)) == ""
    subprocess.run([python, "-c", "import pocketsphinx"], check=True)


def write_wheel(folder: Path) -> None:
    """Write a wheel that is called pocketsphinx and holds an empty module."""
    info = "pocketsphinx-5.0.4.dist-info"
    with zipfile.ZipFile(folder / "pocketsphinx-5.0.4-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pocketsphinx.py", "")
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: pocketsphinx\nVersion: 5.0.4\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
