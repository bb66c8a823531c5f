"""Recognition by pocketsphinx: what hears at once after installation, with nothing to download.

It knows English and hears a clear voice mostly word for word; it is of demonstration quality.
"""

import importlib.util
import os
import platform
from collections.abc import Callable
from typing import ClassVar

from vivavoce.engines.base import EngineError, Hint, MissingDependencyError, Transcript
from vivavoce.engines.child import ChildPool
from vivavoce.engines.stt import pocketsphinx_child
from vivavoce.engines.stt.pocketsphinx_child import Hypothesis, Utterance


def unavailable_reason() -> str | None:
    """Say why pocketsphinx cannot be used here and what to do, in one line; None if it can."""
    if importlib.util.find_spec("pocketsphinx") is not None:
        return None
    python = ".".join(platform.python_version_tuple()[:2])
    machine = platform.machine()
    # As in pyproject.toml: 5.0.4 is the only version with wheels for 3.12.
    if python in ("3.11", "3.13") or (python == "3.12" and machine != "aarch64"):
        return "pocketsphinx is not installed; pip install 'vivavoce[demo]' brings it"
    return (
        f"pocketsphinx has no wheel for Python {python} on {machine}; install a C compiler "
        "and `pip install pocketsphinx`, or name another recogniser with --stt"
    )


class PocketSphinxRecognizer:
    """Recognises English in child processes, each with a decoder of its own (about 100 MB).

    `processes` is the greatest number of them; by default one for each processor core, but not
    more than two. The first starts with `load`, others when they are needed. There are no deltas:
    pocketsphinx takes words back until the end. `Hint.prompt` has no effect on it.
    """

    name: ClassVar[str] = "pocketsphinx"

    sample_rate = pocketsphinx_child.SAMPLE_RATE

    def __init__(self, processes: int | None = None) -> None:
        self._pool = ChildPool(
            self.name,
            pocketsphinx_child.__name__,
            Hypothesis,
            size=min(2, os.cpu_count() or 1) if processes is None else processes,
        )

    @property
    def pids(self) -> list[int]:
        """The process ids of the child processes."""
        return self._pool.pids

    def load(self) -> None:
        """Start the first process. Raises `MissingDependencyError` without the package."""
        if reason := unavailable_reason():
            raise MissingDependencyError(reason)
        self._pool.start()

    async def close(self) -> None:
        """End the processes."""
        await self._pool.close()

    async def recognize(
        self,
        audio: bytes,
        hint: Hint,
        on_delta: Callable[[str], None],  # noqa: ARG002 (it has no deltas to give)
    ) -> Transcript:
        """Recognise one utterance; empty text if there were no words.

        Raises `EngineError` if `hint.language` is not English.
        """
        language = hint.language or "en"
        if language.lower().replace("_", "-").split("-")[0] not in ("en", "english"):
            raise EngineError(f"pocketsphinx knows English only, not {language!r}")
        text = ""
        async for hypothesis in self._pool.request(Utterance(audio)):
            text = hypothesis.text
        return Transcript(text=text, language="en")
