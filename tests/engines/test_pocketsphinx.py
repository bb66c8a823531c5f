import asyncio
import itertools
import os
import platform
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from types import ModuleType

import numpy as np
import pytest
import pytest_asyncio
import soxr

from vivavoce.audio.resample import convert
from vivavoce.engines.base import EngineError, Hint, MissingDependencyError
from vivavoce.engines.stt import pocketsphinx_child
from vivavoce.engines.stt.pocketsphinx import PocketSphinxRecognizer, unavailable_reason
from vivavoce.engines.stt.pocketsphinx_child import Hypothesis, Utterance
from vivavoce.speech import SAMPLE_RATE, clip, clip_names

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def recognizer(
    require_module: Callable[..., ModuleType],
) -> AsyncIterator[PocketSphinxRecognizer]:
    require_module("pocketsphinx", reason=unavailable_reason())
    recognizer = PocketSphinxRecognizer(processes=2)
    await asyncio.to_thread(recognizer.load)
    yield recognizer
    await recognizer.close()


@pytest_asyncio.fixture(loop_scope="module")
async def alone() -> AsyncIterator[PocketSphinxRecognizer]:
    """One that has a single process."""
    alone = PocketSphinxRecognizer(processes=1)
    yield alone
    await alone.close()


def recording(name: str) -> bytes:
    samples = np.frombuffer(clip(name).pcm, "<i2")
    resampled: bytes = soxr.resample(samples, SAMPLE_RATE, 16_000).tobytes()
    return resampled


def words(text: str) -> str:
    return re.sub(r"[^a-z ]", "", text.lower())


async def hear(recognizer: PocketSphinxRecognizer, audio: bytes, hint: Hint | None = None) -> str:
    deltas: list[str] = []
    transcript = await recognizer.recognize(audio, hint or Hint(), deltas.append)
    assert deltas == []
    return transcript.text


@pytest.mark.parametrize("name", clip_names())
async def test_recorded_speech_is_heard_word_for_word(
    recognizer: PocketSphinxRecognizer, name: str
) -> None:
    assert await hear(recognizer, recording(name)) == words(clip(name).text)


@pytest.mark.parametrize("audio", [b"", b"\0\0", bytes(32_000)], ids=["none", "one", "second"])
async def test_silence_has_no_words(recognizer: PocketSphinxRecognizer, audio: bytes) -> None:
    assert await hear(recognizer, audio) == ""


async def test_ten_utterances_at_once_are_each_heard_right(
    recognizer: PocketSphinxRecognizer,
) -> None:
    names = ["hello", "stop", "time", "story", "weather"] * 2
    heard = await asyncio.gather(*(hear(recognizer, recording(name)) for name in names))
    assert heard == [words(clip(name).text) for name in names]


async def test_a_cancelled_utterance_leaves_nothing_behind(
    recognizer: PocketSphinxRecognizer,
) -> None:
    async with asyncio.TaskGroup() as group:
        long = group.create_task(hear(recognizer, recording("repeat") * 20))
        short = group.create_task(hear(recognizer, recording("time")))
        await short
        long.cancel()
    heard = await asyncio.gather(*(hear(recognizer, recording("stop")) for _ in range(2)))
    assert heard == ["stop please"] * 2


async def test_what_one_caller_said_does_not_change_what_the_next_is_heard_to_say(
    alone: PocketSphinxRecognizer,
) -> None:
    generator = np.random.default_rng(1)
    noise = generator.normal(0, 9_000, 48_000).clip(-32_768, 32_767).astype("<i2").tobytes()
    quiet = (np.frombuffer(recording("weather"), "<i2") // 30).astype("<i2").tobytes()
    before = await hear(alone, quiet)
    await hear(alone, noise)
    assert await hear(alone, quiet) == before


async def test_an_utterance_whose_process_is_killed_fails_and_the_next_is_heard(
    alone: PocketSphinxRecognizer,
) -> None:
    await hear(alone, recording("time"))
    async with asyncio.TaskGroup() as group:
        doomed = group.create_task(failure(alone, recording("repeat") * 20))
        await asyncio.sleep(0)
        (pid,) = alone.pids
        os.kill(pid, signal.SIGKILL)
    assert "process of pocketsphinx ended" in str(doomed.result())
    assert await hear(alone, recording("time")) == "what time is it"


async def failure(recognizer: PocketSphinxRecognizer, audio: bytes) -> EngineError:
    with pytest.raises(EngineError) as caught:
        await hear(recognizer, audio)
    return caught.value


@pytest.mark.parametrize("language", ["en", "EN", "en-US", "en_GB"])
async def test_english_may_be_named(recognizer: PocketSphinxRecognizer, language: str) -> None:
    assert await hear(recognizer, recording("hello"), Hint(language=language)) == "hello there"


async def test_another_language_is_refused(recognizer: PocketSphinxRecognizer) -> None:
    with pytest.raises(EngineError, match="knows English only, not 'de'"):
        await hear(recognizer, recording("hello"), Hint(language="de"))


@pytest.mark.parametrize(
    ("python", "machine", "advice"),
    [
        (("3", "14", "0"), "x86_64", "no wheel for Python 3.14 on x86_64; install a C compiler"),
        (("3", "12", "1"), "aarch64", "no wheel for Python 3.12 on aarch64"),
        (("3", "12", "1"), "x86_64", r"pip install 'vivavoce\[demo\]'"),
        (("3", "13", "1"), "arm64", r"pip install 'vivavoce\[demo\]'"),
    ],
)
async def test_without_the_package_loading_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, python: tuple[str, str, str], machine: str, advice: str
) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    monkeypatch.setattr(platform, "python_version_tuple", lambda: python)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(MissingDependencyError, match=advice):
        PocketSphinxRecognizer().load()


class Leaving:
    """A caller that leaves after some tenths of a second of audio, or stays."""

    def __init__(self, after: int | None = None) -> None:
        self.looks = itertools.count()
        self.after = after
        self.heard = ""

    def has_left(self) -> bool:
        return self.after is not None and next(self.looks) >= self.after

    def reply(self, hypothesis: Hypothesis) -> None:
        self.heard = hypothesis.text


async def test_an_utterance_that_was_cut_off_leaves_nothing_behind(
    require_module: Callable[..., ModuleType],
) -> None:
    require_module("pocketsphinx", reason=unavailable_reason())
    recognize = pocketsphinx_child.prepare()
    story = convert(clip("story").pcm + clip("weather").pcm, SAMPLE_RATE, 16_000)
    question = Utterance(convert(clip("time").pcm, SAMPLE_RATE, 16_000))
    heard = []
    for cut in (None, 26, 27, 28):
        if cut is not None:
            recognize(Utterance(story), Leaving(cut))  # type: ignore[arg-type]
        caller = Leaving()
        recognize(question, caller)  # type: ignore[arg-type]
        heard.append(caller.heard)
    assert heard == ["what time is it"] * 4
