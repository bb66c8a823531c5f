import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.engines.llm.reasoning_filter import ReasoningFilter

pieces = st.lists(
    st.sampled_from(["<think>", "</think>", "<", "think>", "</", "a", " ", "\n", "Yes."]),
    max_size=20,
)


def spoken(*chunks: str) -> str:
    reasoning = ReasoningFilter()
    return "".join(map(reasoning.receive, chunks)) + reasoning.finish()


@given(pieces, st.data())
def test_reasoning_is_taken_out_however_it_is_split(parts: list[str], data: st.DataObject) -> None:
    answer = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=8)))
    bounds = [0, *cuts, len(answer)]
    chunks = [answer[a:b] for a, b in pairwise(bounds)]
    assert spoken(*chunks) == re.sub(r"(?s)<think>.*?(?:</think>\s*|\Z)|</think>\s*", "", answer)


def test_the_empty_lines_behind_the_reasoning_go_with_it() -> None:
    assert spoken("<think>Hm.</think>", "\n", "\nYes.") == "Yes."


def test_text_that_cannot_become_a_tag_is_spoken_at_once() -> None:
    assert ReasoningFilter().receive("a < b") == "a < b"


def test_what_may_become_a_tag_is_held_back() -> None:
    reasoning = ReasoningFilter()
    assert reasoning.receive("a <thi") == "a "
    assert reasoning.receive("s is no tag") == "<this is no tag"


@pytest.mark.parametrize(
    "answer",
    [
        "<thinking>Hm.</thinking>\n\nYes.",
        "<reasoning>Hm.</reasoning>Yes.",
        "[THINK]Hm.[/THINK]Yes.",
        "<seed:think>Hm.</seed:think>Yes.",
        "<|channel>thought\nHm.<channel|>Yes.",
        "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>"
        "Yes.<|return|>",
    ],
)
@given(data=st.data())
def test_each_model_has_tags_of_its_own(answer: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(answer)), max_size=8)))
    bounds = [0, *cuts, len(answer)]
    assert spoken(*[answer[a:b] for a, b in pairwise(bounds)]) == "Yes."


def test_a_closing_tag_alone_is_no_word() -> None:
    assert spoken("Well, </thi", "nk>yes.") == "Well, yes."


def test_an_answer_may_begin_within_its_reasoning() -> None:
    reasoning = ReasoningFilter(thinks_first=True)
    assert reasoning.receive("Hm.</think>\n\nYes.") == "Yes."
