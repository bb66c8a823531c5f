"""The engines of a catalogue that a process of their own hosts: which, and how they are used.

A server whose workers share engines has one catalogue, which all of its processes read. The engine
process hosts its `hosted_part`; each worker runs the catalogue as `with_remote_engines` has it.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from vivavoce.engines.about import about
from vivavoce.engines.registry import Slot
from vivavoce.engines.remote.description import REMOTE_SLOTS, describe
from vivavoce.engines.remote.engine import RemoteEngine, under_name
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.engines.remote.language_model import RemoteLanguageModel
from vivavoce.engines.remote.messages import ByKey
from vivavoce.engines.remote.recognizer import RemoteRecognizer
from vivavoce.engines.remote.synthesizer import RemoteSynthesizer
from vivavoce.engines.remote.turn_detector import RemoteTurnDetector
from vivavoce.runtime.catalogue import Catalogue, EngineLimits, EngineRef

PATIENCE_S = 10.0
"""Seconds that a worker waits longer than the host, which replaces an engine that hangs."""

ADAPTERS: Mapping[Slot, type[RemoteEngine]] = {
    "stt": RemoteRecognizer,
    "llm": RemoteLanguageModel,
    "tts": RemoteSynthesizer,
    "turn": RemoteTurnDetector,
}

Change = Callable[[EngineRef], EngineRef | None]


def with_remote_engines(catalogue: Catalogue, host: RemoteHost) -> Catalogue:
    """The same catalogue for a worker: its heavy engines are those that `host` hosts.

    Keys stay as they are. What an engine says of itself before it is loaded is asked of one that
    is made here and never loaded.
    """
    return changed(catalogue, lambda ref: remote(ref, host) if is_heavy(ref) else ref)


def hosted_part(catalogue: Catalogue) -> Catalogue:
    """The heavy engines of a catalogue, for the process that hosts them for its workers."""
    return changed(catalogue, lambda ref: as_it_is(ref) if is_heavy(ref) else None)


def offered_part(catalogue: Catalogue) -> Catalogue:
    """All engines of a catalogue that may work elsewhere, for machines that name them."""
    return changed(catalogue, lambda ref: as_it_is(ref) if ref.slot in REMOTE_SLOTS else None)


def is_heavy(ref: EngineRef) -> bool:
    """Whether an engine is one that all workers share: it may work elsewhere, and holds a model or
    child processes, or does not say that it holds none."""
    if ref.slot not in REMOTE_SLOTS:
        return False
    engine = ref.make()
    known = about(ref.slot, engine.name, type(engine))
    return known is None or not known.light


def digest_of(ref: EngineRef) -> bytes:
    """What both sides tell an engine by; its key may hold secrets, which stay where they are."""
    return hashlib.sha256(f"{ref.slot} {ref.key}".encode()).digest()


def remote(ref: EngineRef, host: RemoteHost) -> EngineRef:
    """The same engine, hosted elsewhere."""
    here = ref.make()
    adapter = under_name(ADAPTERS[ref.slot], here.name)
    selector, known = ByKey(ref.slot, digest_of(ref)), describe(ref.slot, here)
    limits = ref.held_to
    return dataclasses.replace(
        ref,
        make=partial(adapter, host, selector, known),
        limits=EngineLimits(
            limits.answer_s + PATIENCE_S,
            None if limits.load_s is None else limits.load_s + PATIENCE_S,
        ),
        memory_mb=0,
        elsewhere=True,
    )


def as_it_is(ref: EngineRef) -> EngineRef:
    """The same engine, which fails if its package is missing: what stands in is the user's part."""
    return dataclasses.replace(ref, stand_in=None)


def changed(catalogue: Catalogue, change: Change) -> Catalogue:
    """A catalogue of changed engines; None leaves one out, and a model that has none left."""
    known: dict[EngineRef, EngineRef | None] = {}

    def new(ref: EngineRef) -> EngineRef | None:
        if ref not in known:
            known[ref] = change(ref)
        return known[ref]

    plans: dict[str, Any] = {}
    for name, plan in catalogue.plans.items():
        engines = {slot: new(ref) for slot, ref in plan.engines.items()}
        kept = {slot: ref for slot, ref in engines.items() if ref is not None}
        if kept:
            plans[name] = dataclasses.replace(plan, engines=kept)
    aliases = {alias: name for alias, name in catalogue.aliases.items() if name in plans}
    default = catalogue.default if catalogue.default in plans else None
    return dataclasses.replace(catalogue, plans=plans, aliases=aliases, default=default)
