"""Engines behind `engines.remote`, hosted in the process of the test."""

import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from vivavoce.engine_host.server import hosting
from vivavoce.engines.registry import Slot
from vivavoce.engines.remote.address import Address, TcpAddress, UnixAddress
from vivavoce.engines.remote.description import describe
from vivavoce.engines.remote.host import RemoteHost
from vivavoce.engines.remote.messages import ByModel
from vivavoce.runtime.catalogue import Catalogue, EngineLimits, EngineRef, ModelPlan
from vivavoce.runtime.models import Models
from vivavoce.runtime.remote_engines import ADAPTERS

TOKEN = "a secret of both sides"
MODEL = "m"

Make = Callable[[], Any]

_numbers = itertools.count()


def catalogue_of(
    makes: Mapping[Slot, Make],
    limits: EngineLimits | None = None,
    unload_after_s: float | None = None,
) -> Catalogue:
    """One model, whose engines are made like this, each of another key."""
    engines = {
        slot: EngineRef(slot, f"{slot} {next(_numbers)}", make, limits)
        for slot, make in makes.items()
    }
    plan = ModelPlan(name=MODEL, engines=engines, load="on_use", unload_after_s=unload_after_s)
    return Catalogue(plans={MODEL: plan})


@contextlib.asynccontextmanager
async def hosted(
    catalogue: Catalogue, where: Path | None = None, token: str | None = TOKEN
) -> AsyncIterator[Address]:
    """Host the engines of a catalogue: at a port of loopback, or at a socket in a folder."""
    address = TcpAddress("127.0.0.1", 0) if where is None else UnixAddress(str(where / "engines"))
    async with Models(catalogue) as models, hosting(models, address, token) as found:
        yield found


def adapter(slot: Slot, make: Make, address: Address, token: str | None = TOKEN) -> Any:
    """An adapter of an engine that is hosted there, as one that knows what that is."""
    host = RemoteHost(address, token)
    return ADAPTERS[slot](host, ByModel(slot, MODEL), describe(slot, make()))
