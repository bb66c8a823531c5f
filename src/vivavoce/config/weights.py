"""Files with weights that are known by name, and where downloads come from and go to."""

import os
from pathlib import Path
from urllib.parse import urlsplit

_KOKORO = "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0"

KOKORO: tuple[dict[str, str], dict[str, str]] = (
    {"filename": "kokoro-v1.0.onnx", "uri": f"{_KOKORO}/kokoro-v1.0.onnx"},
    {"filename": "voices-v1.0.bin", "uri": f"{_KOKORO}/voices-v1.0.bin"},
)
"""Kokoro-82M and its voices, Apache-2.0."""

QWEN: dict[str, str] = {
    "filename": "qwen2.5-1.5b-instruct-q4_k_m.gguf",
    "uri": "huggingface://Qwen/Qwen2.5-1.5B-Instruct-GGUF/qwen2.5-1.5b-instruct-q4_k_m.gguf",
    "sha256": "6a1a2eb6d15622bf3c96857206351ba97e1af16c30d7a74ee38970e434e9407e",
}
"""A small language model with tools, Apache-2.0, 1.1 GB."""


SCHEMES = ("https", "http", "huggingface", "hf", "file")
"""What the address of a download begins with."""


def is_download(uri: str) -> bool:
    """Whether this is an address from which something can be downloaded here."""
    scheme, separator, _ = uri.partition("://")
    return bool(separator) and scheme in SCHEMES


def url_of(uri: str) -> str:
    """The https address of a download; `huggingface://OWNER/REPOSITORY/FILE` is one of a hub."""
    scheme, _, rest = uri.partition("://")
    if scheme not in ("huggingface", "hf"):
        return uri
    owner, repository, file = (*rest.split("/", 2), "", "")[:3]
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    repository, _, revision = repository.partition("@")
    return f"{endpoint}/{owner}/{repository}/resolve/{revision or 'main'}/{file}"


def file_of(uri: str) -> str:
    """The name of the file that a download brings."""
    return urlsplit(uri).path.rpartition("/")[2]


def cache_folder() -> Path:
    """Where the files of profiles go: `$XDG_CACHE_HOME/vivavoce`, by default `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "vivavoce"
