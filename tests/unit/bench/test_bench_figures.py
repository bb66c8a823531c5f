import pytest

from vivavoce.bench.figures import percentile, spread


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([7.0], 0.99, 7.0),
        ([1.0, 2.0], 0.5, 1.0),
        ([1.0, 2.0, 3.0], 0.5, 2.0),
        ([float(n) for n in range(1, 101)], 0.99, 99.0),
        ([float(n) for n in range(1, 102)], 0.99, 100.0),
        ([float(n) for n in range(1, 101)], 1.0, 100.0),
    ],
)
def test_a_percentile_is_the_nearest_rank(
    values: list[float], share: float, expected: float
) -> None:
    assert percentile(values, share) == expected


def test_a_spread_does_not_depend_on_the_order() -> None:
    values = spread([30.0, 10.0, 20.0])
    assert values == spread([10.0, 20.0, 30.0])
    assert values is not None
    assert (values.count, values.p50, values.p99, values.worst) == (3, 20.0, 30.0, 30.0)


def test_no_values_have_no_spread() -> None:
    assert spread([]) is None
