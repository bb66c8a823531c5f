import re
from xml.etree import ElementTree

import msgspec
import pytest

from support.bench_figures import about, client, listening, report
from vivavoce.bench.chart import STYLE, chart
from vivavoce.bench.connection import (
    COMMITTED,
    FIRST_AUDIO,
    RESPONSE_CREATED,
    RESPONSE_DONE,
    SPEECH_STOPPED,
    TRANSCRIBED,
)
from vivavoce.bench.figures import Answering, Ramp, Sessions, Stage, Tally
from vivavoce.bench.report import lines

SVG = "{http://www.w3.org/2000/svg}"

RAMP = Ramp(
    lag_target_ms=100,
    lag_behind="endpoint",
    callers=64,
    ended="known to 10%, or to 32 callers",
    runs=[listening(32, 40), listening(128, 900, missed=3), listening(64, 60)],
)

COMPLETE = Tally(expected=6, found=6, missed=0, extra=0)

ANSWERING = Answering(
    callers=2,
    turns=6,
    answered=6,
    starts=COMPLETE,
    stops=COMPLETE,
    after_endpoint_ms=about(32, 41),
    after_decided_ms=about(10, 14),
    after_speech_stopped_ms=about(1, 2),
    waterfall=[
        Stage(event=SPEECH_STOPPED, after_ms=about(530, 540)),
        Stage(event=COMMITTED, after_ms=about(530, 540)),
        Stage(event=TRANSCRIBED, after_ms=about(520, 540)),
        Stage(event=RESPONSE_CREATED, after_ms=about(531, 541)),
        Stage(event=FIRST_AUDIO, after_ms=about(532, 542)),
        Stage(event=RESPONSE_DONE, after_ms=about(9000, 9001)),
    ],
    client=client(),
    not_measured={},
)


def drawn(**measured: object) -> ElementTree.Element:
    picture = chart(report(**measured))
    assert picture is not None
    return ElementTree.fromstring(picture)


def words(picture: ElementTree.Element) -> list[str]:
    return [text.text or "" for text in picture.iter(f"{SVG}text")]


def test_a_ramp_is_drawn_with_every_run_in_the_order_of_callers() -> None:
    picture = drawn(ramp=RAMP)
    points = [line.attrib["points"].split() for line in picture.iter(f"{SVG}polyline")]
    assert [len(line) for line in points] == [3, 3]
    for line in points:
        across = [float(point.split(",")[0]) for point in line]
        assert across == sorted(across)
        assert across[1] == pytest.approx((across[0] + across[2]) / 2, rel=0.3)
    assert {"32", "64", "128"} <= set(words(picture))
    assert "64 callers within 100 ms" in words(picture)


def test_each_point_tells_its_lag() -> None:
    titles = [title.text for title in drawn(ramp=RAMP).iter(f"{SVG}title")]
    assert titles == ["20 ms", "30 ms", "450 ms", "40 ms", "60 ms", "900 ms"]


def test_a_run_far_beyond_the_target_stays_inside_the_picture() -> None:
    for circle in drawn(ramp=RAMP).iter(f"{SVG}circle"):
        assert 0 < float(circle.attrib["cy"]) < 320


def test_a_waterfall_is_drawn_in_order_of_time_up_to_the_first_audio() -> None:
    names = [word for word in words(drawn(answering=ANSWERING)) if not word.endswith("ms")]
    assert names[2:7] == [
        "transcript",
        "speech_stopped",
        "committed",
        "response.created",
        "first audio",
    ]
    assert "response.done" not in names


def test_a_bar_begins_where_the_one_before_ended() -> None:
    bars = [
        (float(bar.attrib["x"]), float(bar.attrib["width"]))
        for bar in drawn(answering=ANSWERING).iter(f"{SVG}rect")
        if bar.attrib["class"] == "p50"
    ]
    assert len(bars) == 5
    (first, until_heard), (second, until_stopped), *_ = bars
    assert second == pytest.approx(first + until_heard, abs=0.2)
    assert until_stopped / until_heard == pytest.approx(10 / 520, rel=0.05)


def test_the_endpoint_stands_in_the_waterfall() -> None:
    assert "endpoint, 500 ms" in words(drawn(answering=ANSWERING))


@pytest.mark.parametrize("target_ms", [2, 100, 5000, 20_000, 1e6])
def test_a_ramp_has_lines_across_whatever_its_target(target_ms: float) -> None:
    ramp = msgspec.structs.replace(RAMP, lag_target_ms=target_ms)
    lines = [one for one in drawn(ramp=ramp).iter(f"{SVG}line") if one.attrib["class"] == "grid"]
    assert 3 <= len(lines) <= 7


def test_two_pictures_are_one_below_the_other() -> None:
    picture = drawn(ramp=RAMP, answering=ANSWERING)
    assert [group.attrib["transform"] for group in picture.iter(f"{SVG}g")] == [
        "translate(0 0)",
        "translate(0 320)",
    ]


def test_lags_off_the_scale_are_marked_and_no_others() -> None:
    early = msgspec.structs.replace(listening(16, 40), speech_stopped_ms=about(-12, 30))
    ramp = msgspec.structs.replace(RAMP, runs=[*RAMP.runs, early])
    picture = drawn(ramp=ramp)
    marks = [word for word in words(picture) if word[0] in "↑↓"]
    assert marks == ["↓ -12 ms", "↑ 450 ms", "↑ 900 ms"]
    axis = next(
        float(line.attrib["y1"])
        for line in picture.iter(f"{SVG}line")
        if line.attrib["class"] == "grid"
    )
    assert all(float(one.attrib["cy"]) <= axis for one in picture.iter(f"{SVG}circle"))


def test_only_points_bars_words_and_the_background_are_filled() -> None:
    for selectors, rule in re.findall(r"([^{}]+)\{([^{}]+)\}", STYLE):
        if "fill" in rule and "fill: none" not in rule:
            for selector in selectors.split(","):
                assert selector.strip().startswith(("circle", "rect", "text")), selector


def test_the_background_is_as_large_as_the_picture_and_follows_the_colour_scheme() -> None:
    back = next(drawn(ramp=RAMP, answering=ANSWERING).iter(f"{SVG}rect"))
    assert back.attrib == {"class": "back", "width": "100%", "height": "100%"}
    light, dark = STYLE.split("prefers-color-scheme: dark")
    assert "rect.back" in light
    assert "rect.back" in dark


def test_there_is_no_picture_of_nothing() -> None:
    assert chart(report()) is None


def test_the_text_has_a_line_for_each_figure() -> None:
    text = "\n".join(lines(report(listening=listening(32, 40), answering=ANSWERING)))
    assert "CPU for a second of audio                           2.5 ms" in text
    assert (
        "speech_stopped                                      100 of 100, 0 missed, 0 extra" in text
    )
    assert "first audio behind the server's own endpoint        p50   10.0  p99   14.0" in text
    assert "6 of 6 turns answered" in text


def test_the_text_tells_what_callers_sent_in_their_gaps() -> None:
    assert "room noise of -60 dBFS under all audio" in list(lines(report()))
    (muted,) = (line for line in lines(report(room_noise_dbfs=None)) if "room" in line)
    assert "digital silence" in muted


def test_a_figure_that_is_not_there_says_why() -> None:
    text = "\n".join(lines(report(listening=listening(32, 40))))
    assert "less its engine   not measured: not asked for" in text
    nothing = Sessions(
        callers=8,
        memory=None,
        idle_kib_per_session=None,
        live_kib_per_session=None,
        idle_cpu_ms_per_s=None,
        not_measured=dict.fromkeys(
            ("idle_kib_per_session", "live_kib_per_session", "idle_cpu_ms_per_s"), "on the moon"
        ),
    )
    assert "\n".join(lines(report(sessions=nothing))).count("not measured: on the moon") == 3


def test_transcripts_that_did_not_come_are_told() -> None:
    text = "\n".join(lines(report(listening=listening(32, 40, unwritten=3))))
    assert "transcripts                                         97 of 100, 3 missed" in text


@pytest.mark.parametrize(("count", "said"), [(99, True), (100, False)])
def test_a_99th_percentile_of_few_values_says_of_how_many(count: int, said: bool) -> None:
    lag = msgspec.structs.replace(about(20, 40), count=count)
    run = msgspec.structs.replace(listening(32, 40), speech_stopped_ms=lag)
    text = "\n".join(lines(report(listening=run)))
    assert ("p99 of 99 values only" in text) is said
    assert ("values only" in text) is said


def test_a_late_client_is_told_in_so_many_words() -> None:
    in_time = "\n".join(lines(report(listening=listening(32, 40))))
    late = "\n".join(lines(report(listening=listening(32, 40, late=True))))
    assert "the client's, not the server's" in late
    assert "the client's, not the server's" not in in_time


def test_a_server_that_held_up_the_callers_is_told() -> None:
    read = listening(32, 40)
    unread = msgspec.structs.replace(read, client=client(blocked_s=12.5))
    assert "did not read" not in "\n".join(lines(report(listening=read)))
    assert any(
        "did not read" in line and "12.5 s" in line for line in lines(report(listening=unread))
    )


def test_a_ramp_tells_each_run_and_why_it_ended() -> None:
    text = "\n".join(lines(report(ramp=RAMP)))
    assert "128 callers" in text
    assert "3 missed" in text
    assert "callers within 100 ms                               64" in text
    assert "known to 10%" in text
