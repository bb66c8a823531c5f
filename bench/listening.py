"""What listening costs, against the floor: CPU per second of audio, and how late events come.

Vivavoce and the floor take turns, each on one core, the callers of `vivavoce bench` on another.
Every run is reported, as a row of a table; the ratio is mean over mean. Callers sit in a quiet
room; with `--no-room-noise` their gaps are digital silence, which the floor scores and Vivavoce
does not.

    make bench            or            python bench/listening.py --callers 32 192 --runs 2
"""

import argparse
import itertools
import json
import pathlib
import socket
import statistics
import subprocess
import sys
from typing import Any

HERE = pathlib.Path(__file__).parent
SERVERS = ("floor", "vivavoce")
STT_MS = 50
"""Of stub.yaml."""

HEAD = (
    "| callers | chunks | server | CPU ms per audio second | started p50 / p99 / worst "
    "| stopped p50 / p99 / worst | transcript p50 / p99 | missed, extra "
    "| client late p99, waits for a core |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command(kind: str, port: int) -> list[str]:
    if kind == "floor":
        return [sys.executable, str(HERE / "floor.py"), "--port", str(port)]
    config = str(HERE / "stub.yaml")
    return [
        *(sys.executable, "-m", "vivavoce", "serve", "--log-level", "warning"),
        *("--port", str(port), "--config", config),
    ]


def on_core(core: int, words: list[str]) -> list[str]:
    return ["taskset", "-c", str(core), *words]


def bench(url: str, callers: int, seconds: float, chunk_ms: int, room_noise: bool) -> list[str]:
    words = [sys.executable, "-m", "vivavoce", "bench", url]
    words += ["--callers", str(callers), "--seconds", str(seconds), "--chunk-ms", str(chunk_ms)]
    words += ["--room-noise" if room_noise else "--no-room-noise"]
    return [*words, "--stt-ms", str(STT_MS), "--json", "-"]


def measure(
    kind: str, callers: int, seconds: float, chunk_ms: int, room_noise: bool
) -> dict[str, Any]:
    """What `vivavoce bench` found of a server that is started for it, and stopped."""
    port = free_port()
    words = bench(f"ws://127.0.0.1:{port}/v1", callers, seconds, chunk_ms, room_noise)
    server = subprocess.Popen(on_core(0, command(kind, port)), stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        server.stdout.readline()  # it is ready
        words += ["--pid", str(server.pid)]
        seen = subprocess.run(
            on_core(1, words), check=True, stdout=subprocess.PIPE, timeout=seconds + 90
        )
    finally:
        server.terminate()
        server.wait(20)
        server.stdout.close()
    found: dict[str, Any] = json.loads(seen.stdout)["listening"]
    return found


def row(kind: str, found: dict[str, Any]) -> str:
    client, starts, stops = found["client"], found["starts"], found["stops"]
    late = f"{client['late_ms']['p99']:.1f} ms" + (" **late**" if client["late"] else "")
    late += f", {client['core_wait_share']:.0%}"
    wrong = f"{starts['missed'] + stops['missed']}, {starts['extra'] + stops['extra']}"
    cells = [
        str(found["callers"]),
        f"{found['chunk_ms']} ms",
        kind,
        f"{found['cpu_ms_per_audio_s']:.2f}",
        shown(found["speech_started_ms"], "p50", "p99", "worst"),
        shown(found["speech_stopped_ms"], "p50", "p99", "worst"),
        shown(found["transcript_ms"], "p50", "p99"),
        f"{wrong} of {starts['expected'] + stops['expected']}",
        late,
    ]
    return f"| {' | '.join(cells)} |"


def shown(spread: dict[str, float] | None, *names: str) -> str:
    return " / ".join(f"{spread[name]:.1f}" for name in names) if spread else "–"


def heading(room_noise: bool) -> str:
    callers = "in a quiet room" if room_noise else "muted in the gaps: no room noise"
    return f"Listening, callers {callers}\n\n{HEAD}"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--callers", type=int, nargs="+", default=[32])
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--chunk-ms", type=int, nargs="+", default=[20])
    options.add_argument("--runs", type=int, default=2)
    options.add_argument("--room-noise", action=argparse.BooleanOptionalAction, default=True)
    given = options.parse_args()
    costs: dict[tuple[int, int, str], list[float]] = {}
    print(heading(given.room_noise), flush=True)
    for callers, chunk_ms in itertools.product(given.callers, given.chunk_ms):
        for _, kind in itertools.product(range(given.runs), SERVERS):
            found = measure(kind, callers, given.seconds, chunk_ms, given.room_noise)
            cost = costs.setdefault((callers, chunk_ms, kind), [])
            cost.append(found["cpu_ms_per_audio_s"])
            print(row(kind, found), flush=True)
    print()
    for callers, chunk_ms in itertools.product(given.callers, given.chunk_ms):
        ours, floor = (
            statistics.mean(costs[callers, chunk_ms, kind]) for kind in reversed(SERVERS)
        )
        print(f"CPU / floor, {callers} callers, {chunk_ms} ms chunks: {ours / floor:.2f}")


if __name__ == "__main__":
    main()
