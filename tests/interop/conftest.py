"""The clients from npm, which programs in `node/` drive."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.node import Node

PROGRAMS = Path(__file__).with_name("node")


@pytest.fixture(scope="session")
def node(require_node: Callable[[Path], Path]) -> Node:
    """Node, for the programs here."""
    return Node(require_node(PROGRAMS), PROGRAMS)
