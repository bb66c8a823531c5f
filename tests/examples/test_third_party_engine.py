"""The example of a third party's engine: built, installed, found, and held to the contract."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, so that nothing is built inside of the repository."""
    copy = tmp_path_factory.mktemp("example") / "third_party_engine"
    ignored = shutil.ignore_patterns("__pycache__", "dist", ".*")
    shutil.copytree(ROOT / "examples" / "third_party_engine", copy, ignore=ignored)
    return copy


@pytest.fixture(scope="module")
def environment(package: Path, require_module: Callable[..., ModuleType]) -> dict[str, str]:
    """The environment of processes that see the package, installed from its wheel."""
    require_module("hatchling", reason="it builds the package")
    site = package.parent / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-index", "--quiet"]
    subprocess.run(
        [*pip, "wheel", *offline, "--no-build-isolation", "-w", package.parent, package], check=True
    )
    [wheel] = package.parent.glob("*.whl")
    subprocess.run([*pip, "install", *offline, "--target", site, wheel], check=True)
    shutil.rmtree(package / "src")  # what is tested from here on is what was installed
    folders = [str(site), *sys.path]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTHONDONTWRITEBYTECODE": "1"}


def test_it_is_found_by_its_entry_point(environment: dict[str, str]) -> None:
    program = (
        "from vivavoce.engines.registry import engine_class\n"
        "engine = engine_class('tts', 'morse').from_spec('25')\n"
        "print(engine.name, type(engine).__module__)"
    )
    found = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert found.stdout.split() == ["morse", "vivavoce_morse.synthesizer"]


def test_its_own_tests_pass(package: Path, environment: dict[str, str]) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=package,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout
