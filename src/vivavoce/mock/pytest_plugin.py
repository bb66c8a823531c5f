"""A pytest plugin: the fixture `vivavoce_mock`, a mock for the length of one test.

    @pytest.mark.vivavoce_mock(script="turns.yaml", seed=7)
    def test_my_client(vivavoce_mock):
        talk(base_url=vivavoce_mock.url)
        assert [event["type"] for event in vivavoce_mock.received] == [...]

Every pytest run on a machine that has Vivavoce loads this module, so it imports nothing of the
server before a test asks for the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vivavoce.mock.background import BackgroundMock

MARKER = (
    "vivavoce_mock(script=None, seed=0, pace='instant'): "
    "how the fixture of that name is to be; a script's path is relative to the test's file"
)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", MARKER)


@pytest.fixture
def vivavoce_mock(request: pytest.FixtureRequest) -> Iterator[BackgroundMock]:
    """A mock of a Realtime server on a free port: `.url`, `.ws_url`, `.port`, `.received`."""
    from vivavoce.mock.background import background_mock, marked_options

    marker = request.node.get_closest_marker("vivavoce_mock")
    with background_mock(marked_options(marker, request.path.parent)) as mock:
        yield mock
