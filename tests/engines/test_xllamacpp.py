"""The engine that brings its own llama.cpp: the real library, in a child process."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.tiny_gguf import ARGUMENT, SENTENCE, build_tiny_model
from vivavoce.engines.base import EngineError, Generated, ModelOutput, TextDelta, ToolCallDelta
from vivavoce.engines.llm.xllamacpp import XllamacppModel
from vivavoce.engines.llm.xllamacpp_child import Address, Where
from vivavoce.protocol.prompt import FunctionTool, Message, Prompt

pytest.importorskip("xllamacpp")

HELLO = Prompt(messages=(Message(role="user", text="Hello."),))
WEATHER = FunctionTool(
    name="get_weather",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
)


@pytest.fixture(scope="module")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    build_tiny_model(path)
    return str(path)


@asynccontextmanager
async def using(model: str, **options: Any) -> AsyncIterator[XllamacppModel]:
    engine = XllamacppModel(model, threads=1, **options)
    await asyncio.to_thread(engine.load)
    try:
        yield engine
    finally:
        await engine.close()


async def collect(model: XllamacppModel, prompt: Prompt = HELLO) -> list[ModelOutput]:
    async with aclosing(model.generate(prompt)) as outputs:
        return [output async for output in outputs]


def text_of(outputs: list[ModelOutput]) -> str:
    return "".join(output.text for output in outputs if isinstance(output, TextDelta))


async def failure_of(model: str, **options: Any) -> EngineError:
    with pytest.raises(EngineError) as caught:
        async with using(model, **options):
            pass
    return caught.value


async def test_it_serves_a_file(gguf: str) -> None:
    async with using(gguf) as model:
        outputs = await collect(model)
    assert text_of(outputs) == SENTENCE
    end = outputs[-1]
    assert isinstance(end, Generated)
    assert end.input_tokens


class SlowPool:
    """A process that says where it serves when `answers` is set, whatever happened meanwhile."""

    def __init__(self) -> None:
        self.asked, self.answers = asyncio.Event(), asyncio.Event()

    async def request(self, _: Where) -> AsyncGenerator[Address]:
        self.asked.set()
        await self.answers.wait()
        yield Address(base_url="http://localhost:9/v1", api_key="k", device="cpu")

    async def close(self) -> None: ...


async def test_an_answer_that_begins_while_it_closes_fails_and_leaves_nothing_open() -> None:
    model, pool = XllamacppModel("x"), SlowPool()
    model._pool = pool  # type: ignore[assignment]
    beginning = asyncio.ensure_future(collect(model))
    await pool.asked.wait()
    await model.close()
    pool.answers.set()
    with pytest.raises(EngineError, match="was closed"):
        await beginning
    assert model._client is None


async def test_more_answers_than_slots_and_threads_all_come(gguf: str) -> None:
    async with using(gguf, n_parallel=2) as model:
        answers = await asyncio.gather(*[collect(model) for _ in range(12)])
    assert [text_of(answer) for answer in answers] == [SENTENCE] * 12


async def test_a_tool_is_called_by_the_schema(gguf: str) -> None:
    prompt = msgspec.structs.replace(HELLO, tools=(WEATHER,), tool_choice="required")
    async with using(gguf, tools="constrained", temperature=0.0) as model:
        outputs = await collect(model, prompt)
    calls = [output for output in outputs if isinstance(output, ToolCallDelta)]
    assert [call.name for call in calls if call.name] == ["get_weather"]
    assert msgspec.json.decode("".join(call.arguments for call in calls)) == {"city": ARGUMENT}


async def test_a_server_that_died_is_replaced(gguf: str) -> None:
    async with using(gguf) as model:
        await collect(model)
        (pid,) = model.pids
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(os.waitid, os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert text_of(await collect(model)) == SENTENCE
        assert model.pids != [pid]


async def test_closed_it_leaves_no_process(gguf: str) -> None:
    async with using(gguf) as model:
        (pid,) = model.pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_before_it_is_loaded_it_says_so(gguf: str) -> None:
    with pytest.raises(EngineError, match="not loaded"):
        await collect(XllamacppModel(gguf))


async def test_what_is_no_gguf_is_refused_in_the_words_of_llama(tmp_path: Path) -> None:
    path = tmp_path / "no.gguf"
    path.write_bytes(b"no model" * 100)
    assert "invalid magic" in str(await failure_of(str(path)))


async def test_a_gpu_that_is_not_there_is_an_error(gguf: str) -> None:
    import xllamacpp

    if any(device["type"].name.endswith("GPU") for device in xllamacpp.get_device_info()):
        pytest.skip("there is a GPU")
    assert "'gpu' is not to be had" in str(await failure_of(gguf, device="gpu"))
    assert "'gpu' is not to be had" in str(await failure_of(gguf, n_gpu_layers=10))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"device": "tpu"}, "expected auto, cpu or gpu"),
        ({"device": "cpu", "n_gpu_layers": 3}, "n_gpu_layers is for a GPU"),
        ({"temperature": "hot"}, "temperature"),
        ({"tempo": 1}, "tempo"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(EngineError, match=problem) as caught:
        XllamacppModel("tiny.gguf", **options)
    assert caught.value.code == "invalid_configuration"
