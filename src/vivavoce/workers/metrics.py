"""What the Prometheus client needs to add up the metrics of several processes."""

from collections.abc import Mapping

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable by which it is told where processes leave theirs."""


def mark_dead(pid: int, environment: Mapping[str, str]) -> None:
    """A process has ended: forget what it had of things that last as long as it, as sessions."""
    try:
        from prometheus_client.multiprocess import mark_process_dead
    except ImportError:  # it is optional
        return
    mark_process_dead(pid, environment[FOLDER])  # type: ignore[no-untyped-call,unused-ignore]
