from typing import Annotated, Any, Literal

import msgspec
import pytest

from vivavoce.protocol.validation import explain


class Circle(msgspec.Struct, tag="circle", tag_field="type", forbid_unknown_fields=True):
    radius: Annotated[float, msgspec.Meta(ge=0.5, le=2.0)]


class Square(msgspec.Struct, tag="square", tag_field="type", forbid_unknown_fields=True):
    side: Annotated[int, msgspec.Meta(ge=1, le=9)] | Literal["inf"] = 1


class Drawing(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    name: Annotated[str, msgspec.Meta(max_length=5)]
    mood: Literal["glad", "sad"] | None = None
    shapes: tuple[Circle | Square, ...] = ()
    notes: dict[str, str] = msgspec.field(default_factory=dict)
    framed: bool = False
    anything: Any = None


CASES = [
    ([], "invalid_type", "d", "expected an object, but got an array"),
    ({}, "missing_required_parameter", "d.name", "'d.name'"),
    ({"name": "a", "size": 1}, "unknown_parameter", "d.size", "Unknown parameter: 'd.size'."),
    ({"name": 1}, "invalid_type", "d.name", "expected a string, but got an integer"),
    ({"name": "abcdef"}, "string_above_max_length", "d.name", "maximum length 5"),
    ({"name": "a", "mood": "odd"}, "invalid_value", "d.mood", "'glad' and 'sad'"),
    ({"name": "a", "mood": 1}, "invalid_type", "d.mood", "expected a string or null"),
    ({"name": "a", "framed": 1}, "invalid_type", "d.framed", "expected a boolean"),
    ({"name": "a", "framed": None}, "invalid_type", "d.framed", "but got null"),
    ({"name": "a", "shapes": {}}, "invalid_type", "d.shapes", "expected an array"),
    ({"name": "a", "shapes": [5]}, "invalid_type", "d.shapes[0]", "expected an object"),
    ({"name": "a", "shapes": [{}]}, "missing_required_parameter", "d.shapes[0].type", ""),
    (
        {"name": "a", "shapes": [{"type": "line"}]},
        "invalid_value",
        "d.shapes[0].type",
        "'circle' and 'square'",
    ),
    (
        {"name": "a", "shapes": [{"type": "square"}, {"type": "circle", "radius": 0.4}]},
        "decimal_below_min_value",
        "d.shapes[1].radius",
        "Expected a value >= 0.5, but got 0.4 instead.",
    ),
    (
        {"name": "a", "shapes": [{"type": "circle", "radius": 3}]},
        "decimal_above_max_value",
        "d.shapes[0].radius",
        "Expected a value <= 2, but got 3 instead.",
    ),
    (
        {"name": "a", "shapes": [{"type": "square", "side": 0}]},
        "integer_below_min_value",
        "d.shapes[0].side",
        "integer below minimum value",
    ),
    (
        {"name": "a", "shapes": [{"type": "square", "side": 10**400}]},
        "integer_above_max_value",
        "d.shapes[0].side",
        f"Expected a value <= 9, but got 1{'0' * 400} instead.",
    ),
    (
        {"name": "a", "shapes": [{"type": "circle", "radius": -(10**400)}]},
        "decimal_below_min_value",
        "d.shapes[0].radius",
        "Expected a value >= 0.5, but got -1",
    ),
    (
        {"name": "a", "shapes": [{"type": "circle", "radius": 1e300}]},
        "decimal_above_max_value",
        "d.shapes[0].radius",
        "but got 1e+300 instead.",
    ),
    (
        {"name": "a", "shapes": [{"type": "square", "side": "big"}]},
        "invalid_value",
        "d.shapes[0].side",
        "'inf'",
    ),
    (
        {"name": "a", "shapes": [{"type": "square", "side": 1.5}]},
        "invalid_type",
        "d.shapes[0].side",
        "",
    ),
    ({"name": "a", "notes": {"k": 1}}, "invalid_type", "d.notes.k", "expected a string"),
]


@pytest.mark.parametrize(("value", "code", "param", "words"), CASES)
def test_the_first_fault_is_named(value: object, code: str, param: str, words: str) -> None:
    detail = explain(value, Drawing, "d", None).detail
    assert (detail.code, detail.param) == (code, param)
    assert words in detail.message


@pytest.mark.parametrize(("value", "code", "param", "words"), CASES)
def test_msgspec_refuses_the_same_values(value: object, code: str, param: str, words: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(value, Drawing)


def test_a_top_level_key_has_no_path_before_it() -> None:
    assert explain({"size": 1, "name": "a"}, Drawing, "", None).detail.param == "size"


def test_what_the_walk_does_not_find_is_told_in_the_decoders_words() -> None:
    error = msgspec.ValidationError("Something is odd")
    detail = explain({"name": "a"}, Drawing, "d", error).detail
    assert (detail.code, detail.param) == ("invalid_value", "d")
    assert "Something is odd" in detail.message


def test_unknown_keys_come_before_faulty_values() -> None:
    detail = explain({"name": 5, "size": 1}, Drawing, "d", None).detail
    assert detail.param == "d.size"
