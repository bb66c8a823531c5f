"""Ready-made models: `local`, on this machine, and `remote`, on an OpenAI-compatible server.

A profile is one model, which every name means that no other model has. An engine that the
operator names besides takes its place in the profile.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from vivavoce.config.models import PARTS
from vivavoce.config.weights import KOKORO, QWEN

Profile = Literal["local", "remote"]
PROFILES: tuple[Profile, ...] = get_args(Profile)

OPENAI = "https://api.openai.com/v1"


def profile(
    name: Profile, named: Mapping[str, Any], environment: Mapping[str, str], folder: Path
) -> dict[str, Any]:
    """The profile as a file would have it.

    `named` are the settings that were given besides, such as `llm`; `environment` holds
    OPENAI_BASE_URL and OPENAI_API_KEY; downloads go to `folder`.
    """
    parts = _local(folder) if name == "local" else _remote(environment)
    slots = {part: slot for part, slot in PARTS.items() if not named.get(slot)}
    kept = {part: value for part, value in parts.items() if part in slots}
    used = {
        value for engine in kept.values() for value in engine.values() if isinstance(value, str)
    }
    files = [
        {**file, "filename": path}
        for file in (QWEN, *KOKORO)
        if (path := os.fspath(folder / file["filename"])) in used
    ]
    return {"name": name, "pipeline": kept, "download_files": files}


def _local(folder: Path) -> dict[str, dict[str, Any]]:
    """Whisper small, a Qwen of 1.5 billion parameters, and Kokoro: all Apache-2.0 or MIT."""
    model, voices = (os.fspath(folder / file["filename"]) for file in KOKORO)
    return {
        "vad": {"engine": "silero"},
        "transcription": {"engine": "faster-whisper", "model": "small"},
        "llm": {"engine": "xllamacpp", "model": os.fspath(folder / QWEN["filename"])},
        "tts": {"engine": "kokoro", "model": model, "voices": voices},
    }


def _remote(environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """OpenAI's models, or a server that imitates it and knows their names."""
    server = {"engine": "openai", "base_url": environment.get("OPENAI_BASE_URL") or OPENAI}
    if key := environment.get("OPENAI_API_KEY"):
        server["api_key"] = key
    return {
        "vad": {"engine": "silero"},
        "transcription": {**server, "model": "gpt-4o-mini-transcribe"},
        "llm": {**server, "model": "gpt-4o-mini"},
        "tts": {**server, "model": "gpt-4o-mini-tts"},
    }
