from vivavoce.commands.bars import WIDTH, waterfall


def bar(line: str) -> tuple[int, int]:
    """Where the bar of a line begins and how long it is, in characters."""
    return line.index("█"), line.count("█")


def test_each_bar_begins_where_the_one_before_ended() -> None:
    lines = waterfall([("endpoint", 500.0), ("transcript", 750.0), ("audio", 1000.0)])
    starts, lengths = zip(*map(bar, lines), strict=True)
    assert starts == (
        starts[0],
        starts[0] + lengths[0],
        starts[0] + lengths[0] + lengths[1],
    )
    assert sum(lengths) == WIDTH


def test_a_bar_is_as_long_as_the_stage_took() -> None:
    lines = waterfall([("a", 250.0), ("b", 1000.0)])
    assert [bar(line)[1] for line in lines] == [WIDTH // 4, WIDTH - WIDTH // 4]


def test_stages_stand_in_order_of_time() -> None:
    lines = waterfall([("endpoint", 500.0), ("transcript", 400.0)])
    assert [line.split()[0] for line in lines] == ["transcript", "endpoint"]


def test_what_took_no_time_is_still_seen() -> None:
    assert "▏" in waterfall([("endpoint", 500.0), ("token", 500.0)])[1]


def test_a_stage_before_the_origin_has_no_bar() -> None:
    first, _ = waterfall([("transcript", -40.0), ("endpoint", 500.0)])
    assert "█" not in first
    assert "-40 ms" in first


def test_without_stages_there_is_no_picture() -> None:
    assert waterfall([]) == []
