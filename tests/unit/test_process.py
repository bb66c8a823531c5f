import gc
import sys
from collections.abc import Iterator

import pytest

from vivavoce.process import settle


@pytest.fixture
def restored() -> Iterator[None]:
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)
    gc.unfreeze()


@pytest.mark.usefixtures("restored")
def test_what_is_loaded_is_not_looked_through_again() -> None:
    loaded: list[list[int]] = [[] for _ in range(1000)]
    settle()
    assert gc.get_freeze_count() > len(loaded)


@pytest.mark.usefixtures("restored")
def test_a_thread_waits_less_for_one_that_computes() -> None:
    before = sys.getswitchinterval()
    settle()
    assert sys.getswitchinterval() < before
