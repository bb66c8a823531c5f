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
import tempfile
from dataclasses import dataclass
from typing import IO, Any

HERE = pathlib.Path(__file__).parent
SERVERS = ("floor", "vivavoce")
STT_MS = 50
"""Of stub.yaml."""

HEAD = (
    "| callers | chunks | server | CPU ms per audio second | started p50 / p99 / worst "
    "| stopped p50 / p99 / worst | transcript p50 / p99 | missed, extra "
    "| transcripts missed | client late p99, waits for a core | errors |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)
COLUMNS = 11


@dataclass(frozen=True)
class Run:
    """What came of one server: figures, or none, and what went wrong."""

    found: dict[str, Any] | None
    errors: tuple[str, ...] = ()

    @property
    def cost(self) -> float | None:
        return None if self.found is None else self.found["cpu_ms_per_audio_s"]


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


def measure(kind: str, callers: int, seconds: float, chunk_ms: int, room_noise: bool) -> Run:
    """What `vivavoce bench` found of a server that is started for it, and stopped."""
    port = free_port()
    words = bench(f"ws://127.0.0.1:{port}/v1", callers, seconds, chunk_ms, room_noise)
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        server = subprocess.Popen(
            on_core(0, command(kind, port)), stdout=subprocess.PIPE, stderr=said, text=True
        )
        assert server.stdout is not None
        try:
            if not server.stdout.readline():  # it tells when it is ready
                return Run(None, (f"the server did not start: {last_line(said)}",))
            seen = subprocess.run(
                on_core(1, [*words, "--pid", str(server.pid)]),
                check=False,
                stdout=subprocess.PIPE,
                stderr=complained,
                timeout=seconds + 90,
            )
        except subprocess.TimeoutExpired as error:
            return Run(None, (f"vivavoce bench took more than {error.timeout:.0f} s",))
        finally:
            server.terminate()
            server.wait(20)
            server.stdout.close()
        return run_of(seen.stdout, last_line(complained))


def run_of(printed: bytes, complaint: str) -> Run:
    """What the JSON of `vivavoce bench` says, whatever its exit status; its complaint without."""
    if not printed.strip():
        return Run(None, (complaint,))
    report = json.loads(printed)
    errors = tuple(f"{error['count']} times: {error['message']}" for error in report["errors"])
    return Run(report["listening"], errors)


def last_line(file: IO[str]) -> str:
    file.seek(0)
    return (file.read().strip().splitlines() or ["it did not say why"])[-1]


def row(kind: str, callers: int, chunk_ms: int, run: Run) -> str:
    found, errors = run.found, "; ".join(run.errors).replace("|", "\\|") or "–"
    begin = [str(callers), f"{chunk_ms} ms", kind]
    cells = (
        ["–"] * (COLUMNS - len(begin) - 1)
        if found is None
        else figures(found, writes=kind != "floor")
    )
    return f"| {' | '.join([*begin, *cells, errors])} |"


def figures(found: dict[str, Any], *, writes: bool) -> list[str]:
    """The cells of a run; a server that never `writes` transcripts, the floor, misses none."""
    client, starts, stops = found["client"], found["starts"], found["stops"]
    late = f"{client['late_ms']['p99']:.1f} ms" + (" **late**" if client["late"] else "")
    waits, cost = client["core_wait_share"], found["cpu_ms_per_audio_s"]
    late += "" if waits is None else f", {waits:.0%}"
    wrong = f"{starts['missed'] + stops['missed']}, {starts['extra'] + stops['extra']}"
    written = found["transcripts"]
    return [
        "–" if cost is None else f"{cost:.2f}",
        shown(found["speech_started_ms"], "p50", "p99", "worst"),
        shown(found["speech_stopped_ms"], "p50", "p99", "worst"),
        shown(found["transcript_ms"], "p50", "p99"),
        f"{wrong} of {starts['expected'] + stops['expected']}",
        f"{written['missed']} of {written['expected']}" if writes else "–",
        late,
    ]


def shown(spread: dict[str, float] | None, *names: str) -> str:
    return " / ".join(f"{spread[name]:.1f}" for name in names) if spread else "–"


def ratio(ours: list[float | None], floor: list[float | None]) -> str:
    """Mean over mean, of the runs that have a cost."""
    means = [
        statistics.mean([cost for cost in costs if cost is not None] or [0.0])
        for costs in (ours, floor)
    ]
    said = f"{means[0] / means[1]:.2f}" if all(means) else "not measured"
    lacking = sum(cost is None for cost in ours + floor)
    return f"{said} ({lacking} runs have no figure)" if lacking else said


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
    costs: dict[tuple[int, int, str], list[float | None]] = {}
    print(heading(given.room_noise), flush=True)
    for callers, chunk_ms in itertools.product(given.callers, given.chunk_ms):
        for _, kind in itertools.product(range(given.runs), SERVERS):
            run = measure(kind, callers, given.seconds, chunk_ms, given.room_noise)
            costs.setdefault((callers, chunk_ms, kind), []).append(run.cost)
            print(row(kind, callers, chunk_ms, run), flush=True)
    print()
    for callers, chunk_ms in itertools.product(given.callers, given.chunk_ms):
        floor, ours = (costs[callers, chunk_ms, kind] for kind in SERVERS)
        print(f"CPU / floor, {callers} callers, {chunk_ms} ms chunks: {ratio(ours, floor)}")


if __name__ == "__main__":
    main()
