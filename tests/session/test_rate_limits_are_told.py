"""Protocol 7: `rate_limits.updated`, for limits that an operator has set."""

from support.cast import Cast
from support.stage import Stage
from vivavoce.protocol.server_events import RateLimit, RateLimitsAtStart, RateLimitsUpdated
from vivavoce.session.rate_limits import RateLimitSettings
from vivavoce.session.state import Limits


def limited(*, requests: int | None = None, tokens: int | None = None) -> Stage:
    settings = RateLimitSettings(requests_per_minute=requests, tokens_per_minute=tokens)
    stage = Stage(limits=Limits(rate_limits=settings), output_modalities=["text"])
    stage.news()
    return stage


def respond(stage: Stage, **tokens: int) -> list[str]:
    stage.respond()
    stage.wrote("Hi.")
    stage.finished("stop", None, **tokens)
    return stage.told()


def test_without_limits_nothing_is_told() -> None:
    stage = Stage(cast=Cast(), output_modalities=["text"])
    stage.respond()
    stage.advance(1000)
    assert not any(isinstance(event, RateLimitsUpdated) for event in stage.events)


def test_row_111_it_follows_response_done() -> None:
    stage = limited(requests=60, tokens=6000)
    told = respond(stage, input_tokens=1000, output_tokens=200)
    assert told[-2:] == ["response.done resp1 completed", "rate_limits.updated"]
    assert stage.last(RateLimitsUpdated).rate_limits == (
        RateLimit(name="requests", limit=60, remaining=59, reset_seconds=1.0),
        RateLimit(name="tokens", limit=6000, remaining=4800, reset_seconds=12.0),
    )


def test_the_start_of_a_response_tells_what_is_left_then() -> None:
    stage = limited(requests=60, tokens=6000)
    told = respond(stage, input_tokens=1000, output_tokens=200)
    assert told[:2] == ["response.created resp1", "rate_limits.at_start"]
    assert stage.last(RateLimitsAtStart).rate_limits == (
        RateLimit(name="requests", limit=60, remaining=59, reset_seconds=1.0),
        RateLimit(name="tokens", limit=6000, remaining=6000, reset_seconds=0.0),
    )


def test_what_was_used_comes_back_within_a_minute() -> None:
    stage = limited(tokens=6000)
    respond(stage, input_tokens=1000, output_tokens=2000)
    stage.advance(15_000)
    respond(stage, input_tokens=0, output_tokens=0)
    assert stage.last(RateLimitsUpdated).rate_limits == (
        RateLimit(name="tokens", limit=6000, remaining=4500, reset_seconds=15.0),
    )


def test_a_response_over_the_limit_of_requests_fails() -> None:
    stage = limited(requests=1)
    respond(stage)
    stage.respond()
    assert stage.news() == [
        "response.created resp2",
        "rate_limits.at_start",
        "response.done resp2 failed rate_limit_exceeded",
        "rate_limits.updated",
    ]
    stage.advance(60_000)
    assert "response.done resp3 completed" in respond(stage)


def test_a_response_over_the_limit_of_tokens_fails_until_they_are_back() -> None:
    stage = limited(tokens=600)
    respond(stage, input_tokens=1000, output_tokens=0)
    assert stage.last(RateLimitsUpdated).rate_limits[0].remaining == 0
    stage.advance(40_000)
    stage.respond()
    assert "response.done resp2 failed rate_limit_exceeded" in stage.told()
    stage.advance(1_000)
    assert "response.done resp3 completed" in respond(stage)
