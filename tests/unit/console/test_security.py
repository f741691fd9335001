"""Which requests are taken for our own page's, and what every answer tells the browser."""

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tonewatch.console.security import BrowserSecurity, is_same_origin
from tonewatch.shared.http import ASGITransport, AsyncClient

HOST = {"host": "console.example:7860"}


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "http://console.example:7860"}, True),
        ({"origin": "https://Console.example:7860"}, True),
        ({"origin": "http://evil.example"}, False),
        ({"origin": "http://console.example"}, False),
        ({"origin": "null"}, False),
        ({"origin": ""}, False),
        ({"sec-fetch-site": "cross-site", "origin": "http://console.example:7860"}, False),
    ],
)
def test_only_our_own_page_and_programs_may_write(headers: dict[str, str], verdict: bool) -> None:
    assert is_same_origin(Headers({**HOST, **headers})) is verdict


@pytest.fixture
def client() -> AsyncClient:
    async def answer(_request: Request) -> Response:
        return PlainTextResponse("done")

    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
    transport = ASGITransport(BrowserSecurity(app))
    return AsyncClient(transport=transport, base_url="http://console.example:7860")


async def test_a_write_from_another_site_is_refused_and_a_read_is_not(client: AsyncClient) -> None:
    foreign = {"origin": "http://evil.example"}
    assert (await client.get("/", headers=foreign)).status_code == 200
    assert (await client.post("/")).status_code == 200
    refused = await client.post("/", headers=foreign)
    assert refused.status_code == 403
    assert refused.json()["error"] == "ForbiddenError"


@pytest.mark.parametrize("path", ["/", "/nowhere"])
async def test_every_answer_carries_the_security_headers(client: AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
