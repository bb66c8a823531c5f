"""Traces have what was said, so they are for their owner only."""

import stat
import sys
from pathlib import Path

import pytest

from vivavoce.protocol.abilities import HearingAbilities
from vivavoce.protocol.session_config import RealtimeSession
from vivavoce.runtime.trace import Origin, TraceWriter
from vivavoce.session.state import Limits


@pytest.mark.skipif(sys.platform == "win32", reason="files have other permissions there")
def test_nobody_else_may_read_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    origin = Origin(
        config=RealtimeSession(),
        limits=Limits(),
        default_transcription="x",
        abilities=HearingAbilities(),
        seed=1,
        now=0.0,
    )
    TraceWriter(path, origin).close()
    assert path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
