"""A GGUF model, served by the llama.cpp that `xllamacpp` brings along: nothing else to install.

The server runs in a child process, on loopback and under a key of its own, and is spoken to as
any other chat completions server::

    model = XllamacppModel("Qwen/Qwen3-4B-GGUF:Q4_K_M", thinking=False)
    await asyncio.to_thread(model.load)
"""

import importlib.util
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

from vivavoce.engines.base import EngineError, MissingDependencyError, ModelOutput
from vivavoce.engines.child import ChildPool
from vivavoce.engines.limits import limits_of
from vivavoce.engines.llm import xllamacpp_child
from vivavoce.engines.llm.answer_options import AnswerOptions
from vivavoce.engines.llm.chat_client import Timeouts
from vivavoce.engines.llm.gguf_files import gguf_file
from vivavoce.engines.llm.openai_compatible import OpenAICompatibleModel
from vivavoce.engines.llm.xllamacpp_child import ALL_LAYERS, Address, Setup, Where
from vivavoce.engines.openai_http.settings import misconfigured
from vivavoce.protocol.prompt import Prompt

logger = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "gpu"]

START_S = 600.0
"""Seconds that a model may take to load."""

_SPARE_THREADS = 4
"""Of the HTTP server, for connections that were closed here and are not yet there."""


class XllamacppModel:
    """A model in a GGUF file, by its path or as `OWNER/NAME[:QUANTISATION]` on the hub.

    Up to `n_parallel` answers are generated at once, each with its prompt within `n_ctx` tokens;
    others wait. `threads` is llama.cpp's own choice by default. `device` is `cpu`, `gpu` or
    `auto`: a GPU if this llama.cpp sees one, and the log says what it was. `n_gpu_layers` go to
    the GPU, all by default; what was asked for and does not fit is an error, never the processor
    instead. `chat_template` is the path of a Jinja file, in place of the model's own; `mmproj` the
    path of the file that lets the model see images. `options` are those of `AnswerOptions`.
    """

    name: ClassVar[str] = "xllamacpp"

    def __init__(
        self,
        model: str,
        *,
        n_ctx: int = 8192,
        n_parallel: int = 4,
        threads: int = 0,
        device: str = "auto",
        n_gpu_layers: int | None = None,
        chat_template: str | None = None,
        mmproj: str | None = None,
        download_root: str | None = None,
        offline: bool = False,
        timeouts: Mapping[str, Any] | Timeouts | None = None,
        **options: Any,
    ) -> None:
        if device not in get_args(Device):
            raise misconfigured(f"device: expected auto, cpu or gpu, got {device!r}")
        if device == "cpu" and n_gpu_layers:
            raise misconfigured("n_gpu_layers is for a GPU, and device is cpu")
        if n_gpu_layers:
            device = "gpu"
        AnswerOptions.of(options)
        self._model = model
        self._n_ctx = n_ctx
        self._n_parallel = n_parallel
        self._threads = threads
        self._device = device
        self._gpu_layers = ALL_LAYERS if n_gpu_layers is None else n_gpu_layers
        self._chat_template = chat_template
        self._mmproj = mmproj
        self._download_root = download_root
        self._offline = offline
        self._options = options
        self._timeouts = limits_of(Timeouts, timeouts)
        self._pool: ChildPool[Address] | None = None
        self._client: OpenAICompatibleModel | None = None
        self._address: Address | None = None

    @classmethod
    def from_spec(cls, spec: str) -> Self:
        """Make one from `xllamacpp:MODEL`."""
        return cls(spec)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._model!r})"

    @property
    def pids(self) -> list[int]:
        """The process id of the server, if it runs."""
        return self._pool.pids if self._pool else []

    def load(self) -> None:
        """Start the server, and download the model first if it is not here.

        Raises `MissingDependencyError` without the package, and `EngineError` for a model or a
        device that cannot be had.
        """
        if importlib.util.find_spec("xllamacpp") is None:
            raise MissingDependencyError(
                "xllamacpp is not installed; pip install 'vivavoce[llama]' brings it"
            )
        pool = ChildPool(
            self.name,
            xllamacpp_child.__name__,
            Address,
            size=1,
            setup=self._setup(),
            start_s=START_S,
        )
        pool.start()
        self._pool = pool

    async def close(self) -> None:
        """End the server."""
        # Forgotten first: an answer that is being begun must not connect to what has gone.
        client, pool = self._client, self._pool
        self._pool = self._client = self._address = None
        if client is not None:
            await client.close()
        if pool is not None:
            await pool.close()

    async def generate(self, prompt: Prompt) -> AsyncGenerator[ModelOutput, None]:
        """Stream the answer to `prompt`; raises `EngineError`."""
        client = await self._connected()
        async with aclosing(client.generate(prompt)) as outputs:
            async for output in outputs:
                yield output

    async def _connected(self) -> OpenAICompatibleModel:
        """The client of the server; of a new one if the old one died."""
        pool = self._pool
        if pool is None:
            raise EngineError("the model is not loaded")
        address = None
        async for reply in pool.request(Where()):
            address = reply
        if self._pool is not pool:
            raise EngineError("the model was closed")
        if address is None:
            raise EngineError("the process of xllamacpp did not say where it serves")
        if self._client is None or address != self._address:
            logger.info("%s runs on %s", self._model, address.device)
            dead, self._client = self._client, self._client_at(address)
            self._address = address
            if dead is not None:
                await dead.close()
        return self._client

    def _client_at(self, address: Address) -> OpenAICompatibleModel:
        return OpenAICompatibleModel(
            address.base_url,
            self._model,
            api_key=address.api_key,
            timeouts=self._timeouts,
            connections=self._connections,
            **self._options,
        )

    @property
    def _connections(self) -> int:
        """At most: each holds a thread of the server, and beyond its threads it stalls."""
        return 2 * self._n_parallel

    def _setup(self) -> Setup:
        path = gguf_file(self._model, download_root=self._download_root, offline=self._offline)
        return Setup(
            path=str(path),
            projector=self._mmproj or "",
            context=self._n_ctx,
            parallel=self._n_parallel,
            threads=self._threads,
            http_threads=self._connections + _SPARE_THREADS,
            device=self._device,
            gpu_layers=self._gpu_layers,
            chat_template=_read(self._chat_template),
        )


def _read(template: str | None) -> str:
    if template is None:
        return ""
    try:
        return Path(template).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise misconfigured(f"the chat template {template} cannot be read: {error}") from error
