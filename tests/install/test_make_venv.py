"""The choice of a Python, with stand-ins for Pythons that this machine does not have."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "make_venv.sh"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder that is the whole PATH: it holds no Python, and nothing but what tests put there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


def put(path: Path, name: str, version: str, *, can_make_venvs: bool = True) -> None:
    """Put a stand-in for a Python on the path; it makes `bin/python`, a stand-in for itself."""
    file = path / name
    file.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        f"  *ensurepip*) exit {0 if can_make_venvs else 1} ;;\n"
        f"  *base_prefix*) echo {path / name} {version} ;;\n"
        f'  "-m venv --clear "*) {shutil.which("mkdir")} -p "$4/bin"\n'
        f'    {shutil.which("cp")} "$0" "$4/bin/python" ;;\n'
        f"  *) echo {version} ;;\n"
        "esac\n"
    )
    file.chmod(0o755)


def make_venv(path: Path, *asked: str) -> subprocess.CompletedProcess[str]:
    """Run the script for the folder `venv` beside the path."""
    return subprocess.run(
        ["/bin/sh", SCRIPT, path.parent / "venv", *asked],
        env={"PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_python_at_all_is_said_with_the_versions_that_work(path: Path) -> None:
    run = make_venv(path)
    assert run.returncode == 1
    assert "Vivavoce works with Python 3.11 to 3.14; there is no python3 here" in run.stderr
    assert "apt install python3 python3-venv" in run.stderr


def test_a_python_that_is_too_old_is_named_with_its_version(path: Path) -> None:
    put(path, "python3", "3.9")
    run = make_venv(path)
    assert run.returncode == 1
    assert "Vivavoce works with Python 3.11 to 3.14; python3 is 3.9;" in run.stderr


def test_a_python_without_venv_is_said_with_the_debian_package(path: Path) -> None:
    put(path, "python3", "3.11", can_make_venvs=False)
    run = make_venv(path)
    assert run.returncode == 1
    assert "python3 (3.11) cannot make virtual environments" in run.stderr
    assert "apt install python3-venv" in run.stderr


def test_a_python_without_venv_is_passed_over_for_one_that_has_it(path: Path) -> None:
    put(path, "python3.13", "3.13", can_make_venvs=False)
    put(path, "python3", "3.12")
    run = make_venv(path)
    assert (run.returncode, run.stderr) == (0, "")
    assert f"with Python 3.12 ({path}/python3)" in run.stdout


def test_a_python_with_a_wheel_of_the_recogniser_is_preferred(path: Path) -> None:
    put(path, "python3", "3.14")
    put(path, "python3.13", "3.13")
    assert "with Python 3.13" in make_venv(path).stdout


def test_the_python_that_is_asked_for_is_taken_or_refused(path: Path) -> None:
    put(path, "python3.13", "3.13")
    put(path, "python3.12", "3.12")
    put(path, "python3.10", "3.10")
    assert "with Python 3.12" in make_venv(path, "python3.12").stdout
    assert "python3.10 is 3.10;" in make_venv(path, "python3.10").stderr
    assert "there is no python3.15 here" in make_venv(path, "python3.15").stderr


def test_an_environment_is_kept_until_another_python_is_asked_for(path: Path) -> None:
    put(path, "python3.13", "3.13")
    put(path, "python3.12", "3.12")
    assert "with Python 3.12" in make_venv(path, "python3.12").stdout
    assert make_venv(path).stdout == ""
    assert make_venv(path, "python3.12").stdout == ""
    assert "with Python 3.13" in make_venv(path, "python3.13").stdout


def test_a_real_environment_replaces_a_broken_one_and_is_kept(tmp_path: Path) -> None:
    interpreter = tmp_path / "venv" / "bin" / "python"
    interpreter.parent.mkdir(parents=True)
    interpreter.symlink_to(tmp_path / "a python that was removed")
    command: list[str | Path] = ["/bin/sh", SCRIPT, tmp_path / "venv", sys.executable]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    assert made.stdout.startswith("Making ")
    assert interpreter.exists()
    kept = subprocess.run(command, capture_output=True, text=True, check=True)
    assert kept.stdout == ""
