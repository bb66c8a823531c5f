"""Why a JSON value does not fit a type, in the codes and words of protocol 6.1.

msgspec decides *whether* a value fits; that is fast and sure. Only when it does not, this
module walks the raw value beside the type to find the first place that is wrong, because msgspec's
message has neither the index inside a list nor the words that clients know.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import inspect as types

from vivavoce.protocol.errors import (
    Refusal,
    invalid_value,
    missing_parameter,
    refuse,
    string_too_long,
    unknown_parameter,
)

JSON_NAMES: Mapping[type, str] = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    type(None): "null",
}


def explain(
    value: object, expected: Any, path: str, error: msgspec.ValidationError | None
) -> Refusal:
    """The refusal for the first thing in `value` that does not fit the type `expected`.

    `path` is where `value` stands, as `session`, or empty for the event itself. `error` is what
    msgspec said; its text serves where the walk finds nothing to add.
    """
    for refusal in problems(value, types.type_info(expected), path):
        return refusal
    return refuse("invalid_value", f"Invalid value: {error}.", path or None)


def problems(value: object, expected: types.Type, path: str) -> Iterator[Refusal]:
    """Everything in `value` that does not fit, outermost and first keys first."""
    match expected:
        case types.AnyType() | types.RawType():
            return
        case types.Metadata():  # a description, as the configuration has them
            yield from problems(value, expected.type, path)
        case types.UnionType():
            yield from union_problems(value, expected, path)
        case types.StructType():
            yield from struct_problems(value, expected, path)
        case types.ListType() | types.VarTupleType():
            yield from list_problems(value, expected, path)
        case types.DictType():
            yield from dict_problems(value, expected, path)
        case types.LiteralType():
            if value not in expected.values:
                yield literal_refusal(value, expected, path)
        case types.StrType():
            yield from string_problems(value, expected, path)
        case types.IntType() | types.FloatType():
            yield from number_problems(value, expected, path)
        case types.BoolType():
            if not isinstance(value, bool):
                yield wrong_type(value, "a boolean", path)
        case types.NoneType():
            if value is not None:
                yield wrong_type(value, "null", path)


def wrong_type(value: object, wanted: str, path: str) -> Refusal:
    """The value is of another JSON type."""
    got = JSON_NAMES.get(type(value), type(value).__name__)
    text = f"Invalid type for '{path}': expected {wanted}, but got {got} instead."
    return refuse("invalid_type", text, path)


def literal_refusal(value: object, expected: types.LiteralType, path: str) -> Refusal:
    """The value is not one of a closed set."""
    if not isinstance(value, str):
        return wrong_type(value, "a string", path)
    return invalid_value(path, value, [str(choice) for choice in expected.values])


def string_problems(value: object, expected: types.StrType, path: str) -> Iterator[Refusal]:
    """A string that is none, too long, or of other letters than it may have."""
    if not isinstance(value, str):
        yield wrong_type(value, "a string", path)
    elif expected.max_length is not None and len(value) > expected.max_length:
        yield string_too_long(path, expected.max_length, len(value))
    elif expected.pattern is not None and not re.search(expected.pattern, value):
        text = f"Invalid '{path}': expected a string that matches '{expected.pattern}'."
        yield refuse("invalid_value", text, path)


def number_problems(
    value: object, expected: types.IntType | types.FloatType, path: str
) -> Iterator[Refusal]:
    """A number that is none, or out of its range."""
    whole = isinstance(expected, types.IntType)
    allowed = int if whole else (int, float)
    if isinstance(value, bool) or not isinstance(value, allowed):
        yield wrong_type(value, "an integer" if whole else "a decimal", path)
        return
    kind = "integer" if whole else "decimal"
    if expected.ge is not None and value < expected.ge:
        yield range_refusal(f"{kind}_below_min_value", path, "minimum", expected.ge, value)
    if expected.le is not None and value > expected.le:
        yield range_refusal(f"{kind}_above_max_value", path, "maximum", expected.le, value)


def range_refusal(code: str, path: str, bound: str, limit: float, value: float) -> Refusal:
    """A number beyond its `minimum` or `maximum`."""
    kind, side, *_ = code.split("_")
    got = f"{value:g}" if isinstance(value, float) else str(value)  # JSON's integers fit no float
    text = (
        f"Invalid '{path}': {kind} {side} {bound} value. "
        f"Expected a value {'>=' if bound == 'minimum' else '<='} {limit:g}, "
        f"but got {got} instead."
    )
    return refuse(code, text, path)


def list_problems(
    value: object, expected: types.ListType | types.VarTupleType, path: str
) -> Iterator[Refusal]:
    """An array, or one of its elements."""
    if not isinstance(value, list | tuple):
        yield wrong_type(value, "an array", path)
        return
    for index, element in enumerate(value):
        yield from problems(element, expected.item_type, f"{path}[{index}]")


def dict_problems(value: object, expected: types.DictType, path: str) -> Iterator[Refusal]:
    """A free-form object, or one of its values."""
    if not isinstance(value, dict):
        yield wrong_type(value, "an object", path)
        return
    for key, element in value.items():
        yield from problems(element, expected.value_type, join(path, key))


def struct_problems(value: object, expected: types.StructType, path: str) -> Iterator[Refusal]:
    """An object: its tag, unknown keys, missing keys, then the values of its keys."""
    if not isinstance(value, dict):
        yield wrong_type(value, "an object", path)
        return
    fields = {field.encode_name: field for field in expected.fields}
    if expected.tag_field is not None:
        tag_path = join(path, expected.tag_field)
        if expected.tag_field not in value:
            yield missing_parameter(tag_path)
        elif value[expected.tag_field] != expected.tag:
            yield invalid_value(tag_path, str(value[expected.tag_field]), [str(expected.tag)])
    for key in value:
        if key not in fields and key != expected.tag_field and expected.forbid_unknown_fields:
            yield unknown_parameter(join(path, key))
    for name, field in fields.items():
        if name in value:
            yield from problems(value[name], field.type, join(path, name))
        elif field.required:
            yield missing_parameter(join(path, name))


def union_problems(value: object, expected: types.UnionType, path: str) -> Iterator[Refusal]:
    """One of several types: the one that the value means is found by its tag or JSON type."""
    members = list(expected.types)
    structs = {
        str(member.tag): member
        for member in members
        if isinstance(member, types.StructType) and member.tag is not None
    }
    if isinstance(value, dict) and structs:
        tag_field = next(iter(structs.values())).tag_field or "type"
        if tag_field not in value:
            yield missing_parameter(join(path, tag_field))
        elif str(value[tag_field]) not in structs:
            yield invalid_value(join(path, tag_field), str(value[tag_field]), structs)
        else:
            yield from struct_problems(value, structs[str(value[tag_field])], path)
        return
    yield from untagged_union_problems(value, members, path)


def untagged_union_problems(
    value: object, members: list[types.Type], path: str
) -> Iterator[Refusal]:
    """The complaint of the member whose JSON type the value has, else of the first member."""
    complaints = []
    for member in members:
        found = list(problems(value, member, path))
        if not found:
            return
        complaints.append(found)
    for first, *_ in complaints:
        if first.detail.code != "invalid_type" or first.detail.param != path:
            yield first
            return
    wanted = " or ".join(dict.fromkeys(json_name(member) for member in members))
    yield wrong_type(value, wanted, path)


def json_name(expected: types.Type) -> str:
    """What a type is called in an error."""
    match expected:
        case types.StructType() | types.DictType():
            return "an object"
        case types.ListType() | types.VarTupleType():
            return "an array"
        case types.IntType():
            return "an integer"
        case types.FloatType():
            return "a decimal"
        case types.BoolType():
            return "a boolean"
        case types.NoneType():
            return "null"
        case _:
            return "a string"


def join(path: str, key: str) -> str:
    """The path of `key` under `path`."""
    return f"{path}.{key}" if path else key
