"""The JSON schema of the files, for editors that check YAML as it is written."""

from typing import Any

import msgspec

from vivavoce.config.models import ModelSpec
from vivavoce.config.settings import Settings

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """A file is the server's settings, one model, or a list of models."""
    (settings, model), components = msgspec.json.schema_components(
        [Settings, ModelSpec], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": DRAFT,
        "title": "Vivavoce's configuration",
        "anyOf": [settings, model, {"type": "array", "items": model}],
        "$defs": components,
    }


def described(kind: type[msgspec.Struct]) -> dict[str, str]:
    """What each key of a part of the configuration is, by its name."""
    _, components = msgspec.json.schema_components([kind])
    properties = components[kind.__name__]["properties"]
    return {key: each.get("description", "") for key, each in properties.items()}
