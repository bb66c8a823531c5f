"""The tests that authors of clients are shown, run as they stand."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "mock-ci"
VIVAVOCE = "#!/bin/sh\nexec '{python}' -m vivavoce \"$@\"\n"


def test_the_python_example_passes(pytester: pytest.Pytester) -> None:
    for file in EXAMPLE.iterdir():
        shutil.copy(file, pytester.path)
    plugins = ("-p", "no:vivavoce", "-p", "vivavoce.mock.pytest_plugin", "-p", "no:asyncio")
    pytester.runpytest(*plugins, "test_client.py").assert_outcomes(passed=2)


def test_the_javascript_example_passes(tmp_path: Path, require_tool: Callable[..., str]) -> None:
    node = require_tool("node", package="nodejs")
    command = tmp_path / "vivavoce"
    command.write_text(VIVAVOCE.format(python=sys.executable))
    command.chmod(0o755)
    done = subprocess.run(
        [node, "--test", str(EXAMPLE)],
        capture_output=True,
        text=True,
        check=False,
        # Node 20 has the WebSocket that Node 22 has, and hides it.
        env=os.environ | {"VIVAVOCE": str(command), "NODE_OPTIONS": "--experimental-websocket"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
