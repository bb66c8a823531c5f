import pytest

from vivavoce.dialects import beta, ga
from vivavoce.dialects.negotiate import negotiate

KEY = "openai-insecure-api-key.sk-secret"


@pytest.mark.parametrize(
    "header", [["realtime=v1"], ["assistants=v2, realtime=v1"], ["assistants=v2", "realtime=v1"]]
)
def test_the_header_selects_beta_also_among_others(header: list[str]) -> None:
    assert negotiate(header, []).dialect is beta


@pytest.mark.parametrize("header", [[], ["assistants=v2"], ["realtime=v2"], ["realtime"], [""]])
def test_anything_else_is_ga(header: list[str]) -> None:
    assert negotiate(header, ["realtime"]).dialect is ga


def test_the_subprotocol_of_browsers_selects_beta() -> None:
    agreed = negotiate([], [f"realtime, {KEY}, openai-beta.realtime-v1"])
    assert (agreed.dialect, agreed.subprotocol) == (beta, "realtime")


def test_the_order_of_subprotocols_and_how_they_are_spread_over_headers_mean_nothing() -> None:
    agreed = negotiate([], ["openai-beta.realtime-v1", f"{KEY},realtime"])
    assert (agreed.dialect, agreed.subprotocol) == (beta, "realtime")


def test_no_subprotocol_offered_none_answered() -> None:
    assert negotiate(["realtime=v1"], []).subprotocol is None


def test_a_key_is_never_answered() -> None:
    assert negotiate([], [KEY]).subprotocol is None


def test_a_client_that_offers_beta_alone_is_answered_so() -> None:
    assert negotiate([], ["openai-beta.realtime-v1"]).subprotocol == "openai-beta.realtime-v1"
