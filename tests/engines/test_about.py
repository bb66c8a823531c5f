"""What is told of engines is told of all of them."""

import re
from pathlib import Path

import pytest

from vivavoce.engines.about import ABOUT, About, about
from vivavoce.engines.registry import EXTRA_SLOTS, SLOTS, Slot, engines

PYPROJECT = (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")


@pytest.mark.parametrize("slot", [*SLOTS, *EXTRA_SLOTS])
def test_every_engine_of_this_package_says_what_it_is(slot: Slot) -> None:
    ours = {name for name, entry in engines(slot).items() if entry.value.startswith("vivavoce.")}
    assert ours <= {name for of, name in ABOUT if of == slot}


def test_extras_that_are_advised_exist() -> None:
    extras = set(re.findall(r"^([a-z-]+) = \[", PYPROJECT, re.MULTILINE))
    assert {known.extra for known in ABOUT.values() if known.extra} <= extras


def test_an_engine_of_others_speaks_for_itself() -> None:
    class Theirs:
        about = About(what="theirs", licence="MIT", weights="CC-BY-NC-4.0", commercial="no")

    assert about("tts", "espeak", Theirs) is Theirs.about
    assert about("tts", "theirs", object) is None


def test_what_is_missing_is_named() -> None:
    assert About(what="x", modules=("sys", "not_to_be_had")).missing == ("not_to_be_had",)
