import pytest

from vivavoce.engines.llm.english.spoken_result import spoken_result


@pytest.mark.parametrize(
    ("output", "spoken"),
    [
        ("It is sunny in London.", "It is sunny in London."),
        ("  done\n", "done"),
        ('"It is sunny."', "It is sunny."),
        ("18", "18."),
        ("true", "Yes."),
        (
            '{"temperature": 18.5, "condition": "cloudy"}',
            "The temperature is 18.5 and the condition is cloudy.",
        ),
        ('{"isOpen": true, "closes": null}', "The open is yes and the closes is unknown."),
        ('[{"name": "Ann"}, {"name": "Bo"}]', "The name is Ann and the name is Bo."),
        ('["milk", "eggs", "bread"]', "Milk, eggs and bread."),
        ('{"items": []}', "The items is empty."),
        ('{"wind": {"speed": 3}}', "The wind speed is 3."),
        ('{"error": "no such city"}', "That did not work: no such city."),
        ('{"error": {"message": "timed out!"}}', "That did not work: timed out!"),
        ('{"error": null, "result": 4}', "The error is unknown and the result is 4."),
    ],
)
def test_results_are_spoken(output: str, spoken: str) -> None:
    assert spoken_result(output) == spoken


@pytest.mark.parametrize(
    "output", ["", "null", "{}", "[]", '""', '{"ok": true}', '{"success":true}']
)
def test_a_result_that_says_nothing_is_done(output: str) -> None:
    assert spoken_result(output) == "That is done."


def test_a_long_list_is_cut() -> None:
    assert spoken_result(str(list(range(100)))) == "0, 1, 2, 3, 4, 5, 6, 7 and 92 more."


@pytest.mark.parametrize("depth", [20, 100_000])
def test_a_deep_result_does_not_end_in_recursion(depth: int) -> None:
    assert spoken_result("[" * depth + "]" * depth)
