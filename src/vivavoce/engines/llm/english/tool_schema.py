"""The parameters of a function tool, read from its JSON schema."""

from dataclasses import dataclass
from typing import Any

from vivavoce.engines.llm.english.words import identifier_words, stem
from vivavoce.protocol.prompt import FunctionTool


@dataclass(frozen=True, slots=True)
class Parameter:
    """One property of a tool's schema. `kind` is its JSON type, or `enum`.

    `nullable` says that null may stand for a value that is not known; `default` is the schema's,
    or None.
    """

    name: str
    kind: str
    required: bool
    choices: tuple[Any, ...] = ()
    nullable: bool = False
    default: Any = None

    @property
    def spoken_name(self) -> str:
        """The name as words."""
        return " ".join(identifier_words(self.name)) or self.name

    @property
    def stems(self) -> frozenset[str]:
        """The stems of the words of the name."""
        return frozenset(map(stem, identifier_words(self.name)))


def parameters(tool: FunctionTool) -> tuple[Parameter, ...]:
    """Read the properties of a tool's schema; what has not a schema's shape is passed over."""
    schema = tool.parameters or {}
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict):
        return ()
    names = required if isinstance(required, list) else []
    return tuple(_parameter(name, each, name in names) for name, each in properties.items())


def _parameter(name: str, schema: Any, required: bool) -> Parameter:
    fields = schema if isinstance(schema, dict) else {}
    choices, default = fields.get("enum"), fields.get("default")
    if isinstance(choices, list) and choices:
        return Parameter(name, "enum", required, tuple(choices), None in choices, default)
    kind, nullable = fields.get("type", "string"), False
    if isinstance(kind, list):  # ["string", "null"]
        nullable = "null" in kind
        kind = next((each for each in kind if each != "null"), "string")
    kind = kind if isinstance(kind, str) else "string"
    return Parameter(name, kind, required, nullable=nullable, default=default)
