"""The pytest plugin, in runs of pytest of its own."""

import importlib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]
PLUGIN = "vivavoce.mock.pytest_plugin"


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest with the plugin as it is here, whichever is installed."""
    return pytester.runpytest(
        "-p", "no:vivavoce", "-p", PLUGIN, "-p", "no:asyncio", "--strict-markers", *arguments
    )


CLIENT = """
import asyncio, json, aiohttp, pytest

def first_event(mock, *events):
    async def main():
        async with aiohttp.ClientSession() as http:
            async with http.ws_connect(mock.ws_url + "?model=test") as socket:
                first = await socket.receive_json()
                for event in events:
                    await socket.send_json(event)
                    await socket.receive_json()
                return first
    return asyncio.run(main())
"""


def test_a_test_gets_a_mock_and_sees_what_was_received(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        CLIENT
        + """
def test_one(vivavoce_mock):
    update = {"type": "session.update", "session": {"type": "realtime"}}
    assert first_event(vivavoce_mock, update)["type"] == "session.created"
    assert vivavoce_mock.received == [update]
    assert vivavoce_mock.url == f"http://127.0.0.1:{vivavoce_mock.port}/v1"

def test_another_has_its_own(vivavoce_mock):
    assert vivavoce_mock.received == []
"""
    )
    run(pytester).assert_outcomes(passed=2)


def test_ids_are_the_same_in_every_test_unless_the_marker_says_otherwise(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile(
        CLIENT
        + """
SEEN = []

@pytest.mark.parametrize("time", range(2))
def test_same(vivavoce_mock, time):
    SEEN.append(first_event(vivavoce_mock))
    assert SEEN[0] == SEEN[-1]

@pytest.mark.vivavoce_mock(seed=8)
def test_other(vivavoce_mock):
    assert first_event(vivavoce_mock) != SEEN[0]
"""
    )
    run(pytester).assert_outcomes(passed=3)


def test_a_script_is_looked_for_beside_the_test(pytester: pytest.Pytester) -> None:
    pytester.mkdir("suite")
    (pytester.path / "suite" / "turns.yaml").write_text(
        "faults: [{received: any, error: {code: tea, message: No.}}]"
    )
    (pytester.path / "suite" / "test_script.py").write_text(
        CLIENT
        + """
@pytest.mark.vivavoce_mock(script="turns.yaml", pace="real")
def test_fault(vivavoce_mock):
    first_event(vivavoce_mock, {"type": "response.create"})
"""
    )
    run(pytester).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("marker", "problem"),
    [
        ("sede=7", "takes script=, seed= and pace="),
        ("pace='fast'", "expected one of instant, real"),
        ("script='none.yaml'", "none.yaml: cannot be read"),
    ],
)
def test_a_mistake_in_the_marker_is_named(
    pytester: pytest.Pytester, marker: str, problem: str
) -> None:
    pytester.makepyfile(
        f"""
import pytest

@pytest.mark.vivavoce_mock({marker})
def test_it(vivavoce_mock):
    pass
"""
    )
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{problem}*"])


def test_loading_the_plugin_loads_nothing_of_the_server() -> None:
    code = (
        f"import pytest, sys; before = set(sys.modules); import {PLUGIN};"
        "new = set(sys.modules) - before;"
        "assert new == {'vivavoce', 'vivavoce.mock', 'vivavoce.mock.pytest_plugin'}, new"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_package_declares_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    target = project["entry-points"]["pytest11"]["vivavoce"]
    assert importlib.import_module(target).__name__ == PLUGIN
