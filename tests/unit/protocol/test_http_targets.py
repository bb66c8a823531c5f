"""Where a client may send this server over HTTP, and with which headers."""

import pytest

from vivavoce.protocol.errors import Refusal
from vivavoce.protocol.http_targets import check_headers, check_url


@pytest.mark.parametrize(
    "url",
    [
        "https://dice.example",
        "HTTPS://Dice.Example./mcp?key=%20&x=ü",
        "http://127.0.0.1:8000/mcp",
        "http://2130706433/",
        "http://[::1]:8000/mcp",
        "http://[::ffff:127.0.0.1]/",
        "http://my_host/",
        "http://xn--wrfel-kva.example/",
    ],
)
def test_a_url_of_http_is_taken(url: str) -> None:
    check_url(url, "server_url")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "dice.example",
        "ftp://dice.example",
        "http://",
        "http://dice.example:0/",
        "http://dice.example:99999/",
        "http://dice.example\t:80/",
        "http://dice.example/a\nb",
        "http://\x00dice.example/",
        " http://dice.example/",
        "http://dice example/",
        "http://dice..example/",
        "http://würfel.example/",
        "http://１２７.0.0.1/",
        "http://127。0。0。1/",
        "http://[fe80::1%25lo]/",
        "http://dice%2eexample/",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 127 + "example/",
    ],
)
def test_a_url_that_readers_take_for_different_things_is_refused(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_url(url, "server_url")
    assert refused.value.detail.param == "server_url"


def test_a_password_in_a_url_is_refused_without_being_shown() -> None:
    with pytest.raises(Refusal) as refused:
        check_url("http://me:hush@dice.example", "server_url")
    assert "authorization" in refused.value.detail.message
    assert "hush" not in refused.value.detail.message


def test_headers_of_applications_are_taken() -> None:
    check_headers(["X-Key", "Authorization", "User-Agent", "Cookie"], "headers")


@pytest.mark.parametrize(
    "name",
    ["Transfer-Encoding", "content-length", "HOST", "Mcp-Session-Id", "Connection", "Accept", "TE"],
)
def test_headers_that_http_and_mcp_set_are_refused(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        check_headers(["X-Key", name], "headers")
    assert refused.value.detail.param == f"headers.{name}"
    assert refused.value.detail.code == "invalid_value"


@pytest.mark.parametrize("name", ["", "X Key", "X-Key:", "X\r\nY", "Schlüssel"])
def test_what_is_no_name_of_a_header_is_refused(name: str) -> None:
    with pytest.raises(Refusal):
        check_headers([name], "headers")
