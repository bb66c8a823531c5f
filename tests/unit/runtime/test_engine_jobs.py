"""A job that is cancelled before it has begun leaves nothing behind."""

import asyncio
import gc
from collections.abc import Callable

import pytest

from vivavoce.engines.llm.scripted import ScriptedModel
from vivavoce.engines.stt.scripted import ScriptedRecognizer
from vivavoce.engines.tts.scripted import ScriptedSynthesizer
from vivavoce.engines.vad.scripted import ScriptedDetector
from vivavoce.protocol.items import McpListedTool
from vivavoce.protocol.tools import ToolServer
from vivavoce.runtime.catalogue import Engines
from vivavoce.runtime.concealed import Concealment
from vivavoce.runtime.engine_jobs import EngineJobs
from vivavoce.runtime.models import Models
from vivavoce.runtime.tool_jobs import ToolJobs
from vivavoce.session.inputs import AnyInput
from vivavoce.session.outputs import CallTool, ListTools

SERVER = ToolServer(label="dice", url="https://dice.example/mcp")


class NobodyAsks:
    """Servers that are not to be asked."""

    async def list_tools(self, server: ToolServer) -> tuple[McpListedTool, ...]:
        raise AssertionError(server)

    async def call_tool(self, server: ToolServer, name: str, arguments: str) -> str:
        raise AssertionError(server)


def lists(jobs: EngineJobs) -> None:
    jobs.list_tools(ListTools(job=1, server=SERVER))


def calls(jobs: EngineJobs) -> None:
    jobs.call_tool(CallTool(job=1, server=SERVER, name="roll", arguments="{}"))


@pytest.mark.parametrize("starts", [lists, calls])
async def test_no_coroutine_is_left_unawaited(starts: Callable[[EngineJobs], None]) -> None:
    """Python warns of one when it is collected, and a warning fails a test."""
    reported: list[AnyInput] = []
    engines = Engines(
        ScriptedDetector(), ScriptedRecognizer(), ScriptedModel(), ScriptedSynthesizer()
    )
    async with Models(engines.catalogue()) as models:
        pipeline = models.hold("any")
        async with asyncio.TaskGroup() as tasks:
            tools = ToolJobs(NobodyAsks(), Concealment())
            jobs = EngineJobs(pipeline, tools, tasks, reported.append)
            starts(jobs)
            jobs.cancel(1)
        pipeline.release()
    gc.collect()
    assert reported == []
