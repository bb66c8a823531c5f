"""All engines of a server, by key, and what takes the place of those that are missing."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from vivavoce.engines.registry import Slot
from vivavoce.runtime.catalogue import EngineRef, StandIn
from vivavoce.runtime.memory_budget import MemoryBudget
from vivavoce.runtime.metrics import Metrics
from vivavoce.runtime.shared_engines import SharedEngine, Spawn

Key = tuple[Slot, str]


class EnginePool:
    """Gives everybody who names the same engine the same one."""

    def __init__(self, spawn: Spawn, ending: asyncio.Event, metrics: Metrics) -> None:
        """`ending` is set when there will be no time to wait for loads any more."""
        self.metrics = metrics
        self._spawn = spawn
        self._ending = ending
        self.budget = MemoryBudget(self._unload_one)
        self._left: set[asyncio.Task[Any]] = set()
        """Work of all engines that was cancelled and goes on."""
        self._shared: dict[Key, SharedEngine[Any]] = {}
        self._wanted: dict[Key, float | None] = {}
        """What the configuration names, with the seconds without a holder until it unloads."""
        self._stand_ins: dict[Key, EngineRef] = {}
        """What stands in for an engine whose package is missing, until the next reload."""
        self._notices: dict[Key, str] = {}

    @property
    def notices(self) -> tuple[str, ...]:
        """What an operator should know about engines that are missing."""
        return tuple(self._notices.values())

    def hold(self, ref: EngineRef) -> SharedEngine[Any]:
        """The engine, or what stands in for it, held once more."""
        shared = self._get(self._stand_ins.get(key_of(ref), ref))
        shared.hold()
        return shared

    def stand_in(self, ref: EngineRef, stand_in: StandIn, reason: str) -> SharedEngine[Any]:
        """What takes the place of an engine whose package is missing, from now on; not held."""
        key = key_of(ref)
        instead = replace(
            ref,
            key=f"stand-in for {ref.key}",
            make=lambda: stand_in.make(reason),
            stand_in=None,
            memory_mb=0,
        )
        self._notices[key] = f"{stand_in.notice}: {reason}"
        self._stand_ins[key] = instead
        self._wanted[key_of(instead)] = None
        return self._get(instead)

    def want(self, refs: Mapping[EngineRef, float | None]) -> None:
        """From now on the configuration names these, with the seconds after which each unloads.

        Engines that it named before go when nobody holds them any more. Missing packages are
        looked for again.
        """
        self._wanted = {key_of(ref): after for ref, after in refs.items()}
        self._stand_ins.clear()
        self._notices.clear()
        newest = {key_of(ref): ref for ref in refs}
        for key, shared in list(self._shared.items()):
            shared.ref = newest.get(key, shared.ref)
            if key not in newest and not shared.is_held:
                del self._shared[key]
            self._keep_or_let_go(shared)

    def backlog_s(self) -> float:
        """How long a typical caller's sound has waited for its score, in seconds: of all detectors
        the most."""
        return max((shared.backlog_s() for shared in self._shared.values()), default=0.0)

    def unload(self) -> None:
        """Retire every engine."""
        for shared in self._shared.values():
            shared.unload()

    def _unload_one(self) -> bool:
        return any(shared.unload_if_idle() for shared in self._shared.values())

    def _get(self, ref: EngineRef) -> SharedEngine[Any]:
        key = key_of(ref)
        if key not in self._shared:
            self._shared[key] = SharedEngine(
                ref, self._spawn, self._ending, self.budget, self._left, self.metrics
            )
            self._keep_or_let_go(self._shared[key])
        return self._shared[key]

    def _keep_or_let_go(self, shared: SharedEngine[Any]) -> None:
        shared.keep(self._wanted.get(key_of(shared.ref), 0.0))


def key_of(ref: EngineRef) -> Key:
    """By what engines are told apart."""
    return ref.slot, ref.key


def with_idle_times(
    named: Iterable[tuple[EngineRef, float | None]],
) -> Mapping[EngineRef, float | None]:
    """Of an engine that several models name, the longest time; None, which keeps it, is more."""
    longest: dict[EngineRef, float | None] = {}
    for ref, after in named:
        known = longest.pop(ref, after)
        longest[ref] = None if known is None or after is None else max(known, after)
    return longest
