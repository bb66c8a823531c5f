"""What the metrics of several processes need of the one that starts and ends them."""

from collections.abc import Mapping

from prometheus_client.multiprocess import mark_process_dead

from vivavoce.runtime.metrics import SHARED_FOLDER


def mark_dead(pid: int, environment: Mapping[str, str]) -> None:
    """A process has ended: forget what it had of things that last as long as it, as sessions."""
    mark_process_dead(pid, environment[SHARED_FOLDER])  # type: ignore[no-untyped-call, unused-ignore]
