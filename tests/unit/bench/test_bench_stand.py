import sys

import pytest

from vivavoce.bench.stand import BenchError, allow_files

FAR_TOO_MANY = 10**12


def test_files_are_no_matter_where_the_system_does_not_count_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    allow_files(FAR_TOO_MANY)


def test_too_few_files_are_told_with_how_many_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (16, 32))
    with pytest.raises(BenchError, match="may have 32"):
        allow_files(33)
