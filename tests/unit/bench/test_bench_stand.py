import sys
from typing import Any

import pytest

from vivavoce.bench import stand as stands
from vivavoce.bench.pacer import Caller, Pace
from vivavoce.bench.processes import UnwatchedError
from vivavoce.bench.stand import BenchError, Stand, allow_files, playing_s
from vivavoce.bench.track import Track

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


def test_callers_play_as_long_as_the_longest_of_their_tracks() -> None:
    tracks = [Track((b"",) * count, (), 20) for count in (100, 250, 150)]
    assert playing_s(tracks, stagger_s=1.5) == 6.5


async def test_a_part_of_a_measurement_tells_where_in_the_whole_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def played(_callers: list[Caller], progress: Any, **_options: float) -> Pace:
        progress(2.0)
        return Pace()

    monkeypatch.setattr(stands, "play", played)
    told: list[tuple[float, float]] = []
    stand = Stand(
        url="ws://127.0.0.1:1/v1",
        server=UnwatchedError("far away"),
        progress=lambda now_s, of_s: told.append((now_s, of_s)),
    )
    await stand.play([], 8.0)
    await stand.part(10.0, 40.0).play([], 8.0)
    assert told == [(2.0, 8.0), (12.0, 40.0)]
