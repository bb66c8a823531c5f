"""Tests over a real socket, and what they have judged."""

from importlib.metadata import version

import pytest

from support.sdk_types import judged


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if judged:
        terminalreporter.write_line(
            f"{judged.total()} server events of {len(judged)} types are valid by the types of "
            f"openai {version('openai')}, with no unknown and no missing key"
        )
