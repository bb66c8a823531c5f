"""The real sherpa-onnx, on a model made by hand whose words are tones."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from vivavoce.engines.base import EngineError, Hint, StreamingRecognizer, Transcript, abilities_of
from vivavoce.engines.stt.sherpa_models import SherpaModel, find_model, is_upper_case
from vivavoce.engines.stt.sherpa_onnx import SherpaOnnxRecognizer, listed_keywords


@pytest.fixture(scope="module")
def tiny(require_module: Callable[..., ModuleType]) -> ModuleType:
    require_module("sherpa_onnx", reason="pip install 'vivavoce[sherpa]'")
    require_module("onnx", reason="it writes the model of these tests")
    return importlib.import_module("support.tiny_sherpa")


@pytest.fixture(scope="module")
def model(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tiny.write_tiny_sherpa(tmp_path_factory.mktemp("models") / "tones")
    return folder


@asynccontextmanager
async def listening(model: Path, **options: Any) -> AsyncIterator[SherpaOnnxRecognizer]:
    recognizer = SherpaOnnxRecognizer(str(model), family="nemo-ctc", **options)
    try:
        await asyncio.to_thread(recognizer.load)
        yield recognizer
    finally:
        await recognizer.close()


def spoken(tiny: ModuleType, *words: str, pause_ms: int = 160) -> bytes:
    pieces = [piece for word in words for piece in (tiny.tone(word), tiny.silence(pause_ms))]
    return np.concatenate(pieces).astype("<i2").tobytes()


async def fed(recognizer: SherpaOnnxRecognizer, audio: bytes, ms: int) -> tuple[list[str], str]:
    """The deltas of audio that comes in pieces of `ms`, and the whole."""
    stream = recognizer.open_stream(Hint())
    step = 32 * ms
    deltas = [await stream.accept(audio[at : at + step]) for at in range(0, len(audio), step)]
    whole = await stream.flush()
    stream.close()
    return [delta for delta in deltas if delta], whole.text


async def test_words_come_while_somebody_speaks(model: Path, tiny: ModuleType) -> None:
    async with listening(model) as recognizer:
        deltas, whole = await fed(recognizer, spoken(tiny, "big", "wide", "world"), 100)
    assert deltas == ["big", " wide", " world"]
    assert whole == "big wide world"


@pytest.mark.parametrize("ms", [20, 90, 1000, 10_000])
async def test_the_pieces_make_no_difference_to_the_words(
    model: Path, tiny: ModuleType, ms: int
) -> None:
    async with listening(model) as recognizer:
        deltas, whole = await fed(recognizer, spoken(tiny, "hello", "big", "world"), ms)
    assert whole == "hello big world"
    assert whole.startswith("".join(deltas))


async def test_a_pause_does_not_end_the_utterance(model: Path, tiny: ModuleType) -> None:
    async with listening(model) as recognizer:
        stream = recognizer.open_stream(Hint())
        first = await stream.accept(spoken(tiny, "hello"))
        paused = await stream.flush()
        assert await stream.flush() == paused
        second = await stream.accept(spoken(tiny, "world"))
        whole = await stream.flush()
    assert paused.text == "hello"
    assert whole.text == "hello world"
    assert whole.text.startswith(first + second)


async def test_streams_advance_together_and_apart(model: Path, tiny: ModuleType) -> None:
    talks = [("hello",), ("big", "world"), ("wide", "wide", "hello"), ()]
    async with listening(model) as recognizer:
        heard = await asyncio.gather(
            *(fed(recognizer, spoken(tiny, *words) if words else b"", 100) for words in talks)
        )
    assert [whole for _, whole in heard] == [" ".join(words) for words in talks]


async def test_an_utterance_that_came_whole_is_heard_too(model: Path, tiny: ModuleType) -> None:
    deltas: list[str] = []
    async with listening(model, language="en") as recognizer:
        audio = spoken(tiny, "hello", "world")
        heard = await recognizer.recognize(audio, Hint(language="en-US"), deltas.append)
        silent = await recognizer.recognize(bytes(32_000), Hint(), deltas.append)
    assert heard == Transcript(text="hello world", language="en")
    assert "".join(deltas) == "hello world"
    assert silent.text == ""


async def test_another_language_than_its_own_is_refused(model: Path) -> None:
    async with listening(model, language="en") as recognizer:
        with pytest.raises(EngineError, match="knows 'en' only, not 'de'"):
            recognizer.open_stream(Hint(language="de"))


def test_it_streams(model: Path) -> None:
    recognizer = SherpaOnnxRecognizer(str(model))
    assert isinstance(recognizer, StreamingRecognizer)
    assert abilities_of(recognizer).streams
    assert not abilities_of(recognizer).keywords


def test_keywords_are_for_beam_search_over_known_units() -> None:
    beam = {"decoding_method": "modified_beam_search"}
    assert not abilities_of(SherpaOnnxRecognizer("x", options=beam)).keywords
    able = SherpaOnnxRecognizer("x", options=beam | {"modeling_unit": "cjkchar"})
    assert abilities_of(able).keywords


def test_keywords_are_written_as_the_library_and_the_model_read_them() -> None:
    keywords = ("Ada Lovelace", "TCP/IP", "/", "item #5: x")
    assert listed_keywords(keywords, upper=False) == "Ada Lovelace/TCP IP/item 5 x"
    assert listed_keywords(keywords[:2], upper=True) == "ADA LOVELACE/TCP IP"


class Counting:
    """The recogniser that it wraps; counts the steps of the model between two looks at results."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._steps = 0
        self.most = 0
        self.heard: list[Any] = []
        """The streams in the order in which results of theirs were asked for."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def decode_streams(self, streams: list[Any]) -> None:
        self._steps += 1
        self._inner.decode_streams(streams)

    def get_result(self, stream: Any) -> str:
        self.most, self._steps = max(self.most, self._steps), 0
        self.heard.append(stream)
        result: str = self._inner.get_result(stream)
        return result


async def test_a_long_utterance_does_not_hold_up_a_short_one(model: Path, tiny: ModuleType) -> None:
    long = spoken(tiny, *(12 * ("hello", "big", "world")))
    async with listening(model) as recognizer:
        counting = recognizer._recognizer = Counting(recognizer._recognizer)
        first, second = recognizer.open_stream(Hint()), recognizer.open_stream(Hint())
        async with asyncio.TaskGroup() as group:
            group.create_task(first.accept(long))
            group.create_task(second.accept(spoken(tiny, "hello")))
        order = [stream is second._stream for stream in counting.heard]
    assert order.index(True) < 3 < len(order)
    assert counting.most <= 1 + 1000 // 160


@pytest.mark.parametrize("family", ["zipformer2-ctc", "t-one-ctc", "nemo-ctc"])
def test_a_model_that_ends_the_librarys_process_does_not_end_this_one(
    tiny: ModuleType, tmp_path: Path, family: str
) -> None:
    import onnx

    bare = tiny.model()
    del bare.metadata_props[:]  # without them, the library exits
    onnx.save(bare, str(tmp_path / "model.onnx"))
    (tmp_path / "tokens.txt").write_text("<blk> 0\nA 1\n")
    with pytest.raises(EngineError, match=r"cannot load the model in .*ended"):
        SherpaOnnxRecognizer(str(tmp_path), family=family).load()


def test_beam_search_is_refused_where_it_would_end_the_process() -> None:
    beam = {"decoding_method": "modified_beam_search"}
    with pytest.raises(EngineError, match=r"is for transducers, .* family nemo-ctc"):
        SherpaOnnxRecognizer("x", family="nemo-ctc", options=beam)
    with pytest.raises(EngineError, match=r"expected greedy_search .*'beam'"):
        SherpaOnnxRecognizer("x", options={"decoding_method": "beam"})


def test_beam_search_is_refused_for_a_folder_of_another_family(tmp_path: Path) -> None:
    folder_with(tmp_path, "tokens.txt", "encoder.onnx", "decoder.onnx")
    pytest.importorskip("sherpa_onnx")
    recognizer = SherpaOnnxRecognizer(
        str(tmp_path), options={"decoding_method": "modified_beam_search"}
    )
    with pytest.raises(EngineError, match="family paraformer"):
        recognizer.load()


# --- models and settings -------------------------------------------------------------------------


def folder_with(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).touch()
    return folder


def test_a_folder_shows_what_model_it_holds(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path,
        "tokens.txt",
        "encoder-epoch-99.onnx",
        "encoder-epoch-99.int8.onnx",
        "decoder-epoch-99.onnx",
        "joiner-epoch-99.onnx",
    )
    assert find_model(folder, None) == SherpaModel(
        "transducer",
        {
            "tokens": str(folder / "tokens.txt"),
            "encoder": str(folder / "encoder-epoch-99.int8.onnx"),
            "decoder": str(folder / "decoder-epoch-99.onnx"),
            "joiner": str(folder / "joiner-epoch-99.onnx"),
        },
    )


def test_what_a_folder_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="is no folder"):
        find_model(tmp_path / "nowhere", None)
    with pytest.raises(EngineError, match=r"has no tokens\.txt"):
        find_model(tmp_path, None)
    folder_with(tmp_path, "tokens.txt", "model.onnx")
    with pytest.raises(EngineError, match="say it with `family`"):
        find_model(tmp_path, None)
    with pytest.raises(EngineError, match=r"has no encoder\*\.onnx, which a transducer"):
        find_model(tmp_path, "transducer")
    assert find_model(tmp_path, "nemo-ctc").files["model"] == str(tmp_path / "model.onnx")


def test_capitals_are_a_models_habit(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.txt"
    tokens.write_text("<blk> 0\n▁THE 1\nS 2\n")
    assert is_upper_case(tokens)
    tokens.write_text("<blk> 0\n▁The 1\ns 2\n")
    assert not is_upper_case(tokens)
    tokens.write_text("<blk> 0\n你 1\n")
    assert not is_upper_case(tokens)


async def test_cuda_is_refused_where_the_library_would_quietly_do_without(model: Path) -> None:
    import sherpa_onnx

    if "+cuda" in sherpa_onnx.__version__:
        pytest.skip("this sherpa-onnx has CUDA")
    with pytest.raises(EngineError, match="was built without CUDA"):
        async with listening(model, device="cuda"):
            pass


async def test_an_option_that_the_maker_does_not_know_is_named(model: Path) -> None:
    with pytest.raises(EngineError, match="nosuch"):
        async with listening(model, options={"nosuch": 1}):
            pass


def test_a_wrong_setting_is_refused() -> None:
    with pytest.raises(EngineError, match="'tpu'"):
        SherpaOnnxRecognizer("x", device="tpu")
    with pytest.raises(EngineError, match="'wenet-ctc'"):
        SherpaOnnxRecognizer("x", family="wenet-ctc")
