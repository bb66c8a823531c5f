"""Fixtures of the engine tests."""

from collections.abc import Iterator

import pytest

from support.llama import running_llama_server


@pytest.fixture(scope="session")
def llama_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a llama.cpp server whose model says `support.tiny_gguf.SENTENCE`."""
    with running_llama_server(tmp_path_factory.mktemp("llama")) as base_url:
        yield base_url
