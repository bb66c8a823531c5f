"""What the tests of rows may use: a client of each dialect that the row concerns."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.beta_judge import MODEL, BetaJudge, beta_judge
from support.dialect_client import DIALECTS, Connect, Dialect, DialectClient
from support.rows import row_of
from support.server import LiveServer, serving


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test of a row runs in each of its dialects, or in that of `@pytest.mark.dialect`."""
    if "dialect" not in metafunc.fixturenames:
        return
    row = row_of(metafunc.function.__name__)
    assert row is not None, f"{metafunc.function.__name__}: which row is this?"
    mark = metafunc.definition.get_closest_marker("dialect")
    metafunc.parametrize("dialect", mark.args if mark else row.dialects, indirect=True)


@pytest.fixture
def dialect(request: pytest.FixtureRequest) -> Dialect:
    """The dialect that the test is about."""
    return DIALECTS[request.param]


@pytest.fixture(scope="session")
def types_of_beta(openai_beta: Path) -> Iterator[BetaJudge]:
    """The judge of the beta dialect."""
    with beta_judge(openai_beta) as judge:
        yield judge


@pytest.fixture
def connect(dialect: Dialect, request: pytest.FixtureRequest) -> Connect:
    """`connect(query, **settings)` starts a server with these settings (those of
    `support.server.serving`), and gives a client that speaks the test's dialect; with `server=` it
    is a client of that one. `greeted=False`: without waiting for `session.created`.
    """
    judge = request.getfixturevalue("types_of_beta") if dialect.name == "beta" else None

    @contextlib.asynccontextmanager
    async def connect(
        query: str = f"model={MODEL}",
        *,
        server: LiveServer | None = None,
        headers: dict[str, str] | None = None,
        protocols: tuple[str, ...] = (),
        greeted: bool = True,
        **settings: Any,
    ) -> AsyncIterator[DialectClient]:
        async with contextlib.AsyncExitStack() as ending:
            if server is None:
                server = await ending.enter_async_context(serving(**settings))
            socket = await ending.enter_async_context(
                server.http.ws_connect(
                    f"{server.url}/realtime?{query}",
                    headers={**dialect.headers, **(headers or {})},
                    protocols=protocols,
                    max_msg_size=0,
                )
            )
            client = DialectClient(socket, dialect, judge, server)
            if greeted:
                first = await client.next()
                assert first["type"] == "session.created", first
            yield client

    return connect
