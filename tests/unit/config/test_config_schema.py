"""The JSON schema describes every key, and all that it refers to is in it."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec
import pytest
import yaml

from vivavoce.config import ModelSpec, PipelineSpec, Settings
from vivavoce.config.schema import described, schema

EXAMPLES = Path(__file__).parents[3] / "examples" / "config"


def test_every_key_is_described() -> None:
    for kind in (Settings, ModelSpec, PipelineSpec):
        told = described(kind)
        assert list(told) == list(kind.__struct_fields__)
        assert all(told.values()), kind


def test_all_references_lead_somewhere() -> None:
    made = schema()
    text = msgspec.json.encode(made).decode()
    assert set(re.findall(r'"#/\$defs/(\w+)"', text)) == set(made["$defs"])


OURS = [path for path in sorted(EXAMPLES.rglob("*.yaml")) if path.name != "two-languages.yaml"]
"""The examples but for the one in LocalAI's words, whose keys the schema does not know."""


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_an_editor_finds_no_fault_with_the_examples(
    path: Path, require_module: Callable[..., ModuleType]
) -> None:
    jsonschema = require_module("jsonschema", reason="pip install jsonschema")
    jsonschema.validate(yaml.safe_load(path.read_text("utf-8")), schema())


def test_unknown_keys_are_refused_by_it_too() -> None:
    definitions = schema()["$defs"]
    assert definitions["Settings"]["additionalProperties"] is False
    assert definitions["ModelSpec"]["additionalProperties"] is False
