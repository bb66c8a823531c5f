"""What listening costs, against the floor: CPU per second of audio, and how late events come.

Vivavoce and the floor take turns in one run, each on one core, the callers on another; every run
is reported. CPU is user and system time of all of the server's processes.

    make bench            or            python bench/listening.py --callers 32 --seconds 30
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
TICKS = os.sysconf("SC_CLK_TCK")


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


def cpu_s(pid: int) -> float:
    """User and system time of a process and its children so far."""
    total = 0
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        if int(stat.parent.name) == pid or int(fields[1]) == pid:
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def on_core(core: int, words: list[str]) -> list[str]:
    return ["taskset", "-c", str(core), *words]


def measure(kind: str, callers: int, seconds: float, chunk_ms: int) -> dict[str, object]:
    port = free_port()
    server = subprocess.Popen(on_core(0, command(kind, port)), stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        server.stdout.readline()
        before = cpu_s(server.pid)
        url = f"ws://127.0.0.1:{port}/v1/realtime?model=stub"
        words = [sys.executable, str(HERE / "callers.py"), url, "--callers", str(callers)]
        words += ["--seconds", str(seconds), "--chunk-ms", str(chunk_ms)]
        seen = subprocess.run(
            on_core(1, words), check=True, capture_output=True, text=True, timeout=seconds + 60
        )
        spent = cpu_s(server.pid) - before
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(20)
    result: dict[str, object] = json.loads(seen.stdout)
    result["server"] = kind
    result["cpu_ms_per_audio_s"] = round(1000 * spent / (callers * seconds), 3)
    return result


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--callers", type=int, default=32)
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--chunk-ms", type=int, default=20)
    options.add_argument("--runs", type=int, default=2)
    given = options.parse_args()
    costs: dict[str, list[float]] = {"floor": [], "vivavoce": []}
    for _ in range(given.runs):
        for kind, cost in costs.items():
            result = measure(kind, given.callers, given.seconds, given.chunk_ms)
            cost.append(float(str(result["cpu_ms_per_audio_s"])))
            print(json.dumps(result), flush=True)
    ratio = sum(costs["vivavoce"]) / sum(costs["floor"])
    print(f"CPU of Vivavoce / floor, {given.callers} callers: {ratio:.2f}")


if __name__ == "__main__":
    main()
