"""Web pages: which may connect, and what their browsers are told."""

import pytest

from support.server import LiveServer, serving

KEY = {"Authorization": "Bearer sk-1"}
PAGE = "https://app.example.com"
STRANGER = "https://evil.example.com"


async def admitted(server: LiveServer, origin: str, headers: dict[str, str]) -> bool:
    """Whether a page may open a session. If not, it is told so."""
    async with server.connect(headers={"Origin": origin, **headers}, greeted=False) as client:
        if (await client.next())["type"] == "session.created":
            return True
        error = client.events[0]["error"]
        assert error["code"] == "origin_not_allowed"
        assert "allowed_origins" in error["message"]
        closed = await client.until_closed()
        assert (closed.code, closed.reason) == (3000, "invalid_request_error.origin_not_allowed")
    return False


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("http://localhost:3000", True),
        ("http://app.localhost", True),
        ("https://127.0.0.1", True),
        ("http://[::1]:5173", True),
        (STRANGER, False),
        ("http://localhost.evil.example.com", False),
        ("http://127.0.0.1.evil.example.com", False),
        ("http://192.168.1.7", False),
        ("null", False),
        ("http://[broken", False),
    ],
)
async def test_without_keys_only_pages_of_this_machine_may_connect(
    origin: str, expected: bool
) -> None:
    async with serving() as server:
        assert await admitted(server, origin, {}) is expected


async def test_with_a_key_every_page_may_connect() -> None:
    async with serving(api_keys=["sk-1"]) as server:
        assert await admitted(server, STRANGER, KEY)


@pytest.mark.parametrize("keys", [(), ("sk-1",)])
async def test_a_list_is_the_law(keys: tuple[str, ...]) -> None:
    async with serving(api_keys=keys, allowed_origins=[PAGE, "null"]) as server:
        assert await admitted(server, PAGE, KEY)
        assert await admitted(server, PAGE.upper(), KEY)
        assert await admitted(server, "null", KEY)
        assert not await admitted(server, STRANGER, KEY)
        assert not await admitted(server, f"{PAGE}:8443", KEY)
        assert not await admitted(server, "http://localhost", KEY)


async def test_a_star_is_everybody() -> None:
    async with serving(allowed_origins=["*"]) as server:
        assert await admitted(server, STRANGER, {})


async def test_a_preflight_is_answered_before_any_key() -> None:
    async with serving(api_keys=["sk-1"]) as server:
        headers = {
            "Origin": PAGE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
        }
        url = f"{server.url}/realtime/client_secrets"
        async with server.http.options(url, headers=headers) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == PAGE
            assert "POST" in answer.headers["Access-Control-Allow-Methods"]
            allowed = answer.headers["Access-Control-Allow-Headers"]
            assert allowed == headers["Access-Control-Request-Headers"]
            assert answer.headers["Vary"] == "Origin"


async def test_answers_and_errors_can_be_read_by_the_page() -> None:
    async with serving(api_keys=["sk-1"]) as server:
        for headers, status in ((KEY, 200), ({}, 401)):
            url = f"{server.url}/models"
            async with server.http.get(url, headers={"Origin": PAGE, **headers}) as answer:
                assert answer.status == status
                assert answer.headers["Access-Control-Allow-Origin"] == PAGE
                assert answer.headers["Access-Control-Expose-Headers"] == "Location"


async def test_a_foreign_page_gets_403_and_may_read_nothing() -> None:
    async with serving(allowed_origins=[PAGE]) as server:
        url = f"{server.url}/realtime/client_secrets"
        preflight = {"Access-Control-Request-Method": "POST"}
        for method, headers in (("POST", {}), ("OPTIONS", preflight), ("GET", {})):
            headers = {"Origin": STRANGER, **headers}
            async with server.http.request(method, url, headers=headers) as answer:
                assert answer.status == 403
                assert "Access-Control-Allow-Origin" not in answer.headers
                assert (await answer.json())["error"]["code"] == "origin_not_allowed"
