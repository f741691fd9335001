"""The public door: the right service answers, nothing else is reachable, and nothing is hoarded."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import quote

from tests.integration.console.conftest import Console, opened_console
from tests.support.fake_suite import FakeSuite
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker


async def test_each_resource_is_answered_by_its_owner(console: Console) -> None:
    assert (await console.client.get("/api/v1/engine")).json()["engine"] == "compact"
    assert (await console.client.get("/api/v1/rules")).json()["rules"] == []
    assert (await console.client.get("/api/v1/sources")).json()["items"] == []
    asked = "rule=a%26b&label=x%3Ay&label=z"
    assert (await console.client.get(f"/api/v1/alerts?{asked}")).status_code == 200
    assert console.suite.requests == [("GET", asked)]


async def test_writing_and_deleting_pass_with_body_and_status(console: Console) -> None:
    made = await console.client.post("/api/v1/sources", json={"name": "线路", "kind": "rtmp"})
    assert made.status_code == 201
    assert made.json()["stream_key"] == "k-123"
    assert console.suite.sources[0]["name"] == "线路"
    removed = await console.client.delete(f"/api/v1/sources/{console.suite.sources[0]['id']}")
    assert removed.status_code == 204
    assert console.suite.requests[-1][0] == "DELETE"


async def test_what_people_do_with_alerts_is_alertings_with_its_version(console: Console) -> None:
    answer = await console.client.post(
        "/api/v1/inbox/alert-1/acknowledge", json={"by": "李"}, headers={"If-Match": '"1"'}
    )
    assert answer.json() == {"alert_id": "alert-1", "if_match": '"1"'}
    assert answer.headers["etag"] == '"2"'
    assert (await console.client.post("/api/v1/alerts/alert-1/acknowledge")).status_code == 404


async def test_what_people_name_is_reached_by_any_name_but_never_as_a_path(
    console: Console,
) -> None:
    for name in ("VIP 恐惧", "100% angry?", "a#b&c", "..."):
        answer = await console.client.get(f"/api/v1/rules/{quote(name, safe='')}")
        assert answer.json() == {"name": name}
    for path in ("..", "%2e%2e", "a%5cb", "a//b", "a%00b", "a%0ab"):
        address = console.client.base_url.copy_with(raw_path=f"/api/v1/rules/{path}".encode())
        assert (await console.client.get(address)).status_code == 404, path


async def test_errors_of_a_service_come_through_with_their_words(console: Console) -> None:
    files = {"file": ("a.wav", b"no audio")}
    refused = await console.client.post("/api/v1/audio", files=files)
    assert refused.status_code == 400
    assert "no audio stream" in refused.json()["detail"]


async def test_an_upload_is_passed_on_while_it_still_comes_in(console: Console) -> None:
    arrived = asyncio.Event()
    console.suite.on_chunk = lambda _size: arrived.set()

    async def body() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        # a console that first took in the whole body would wait here for ever
        await asyncio.wait_for(arrived.wait(), 5)
        for _ in range(100):
            yield bytes(65536)
        yield b"\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await console.client.post("/api/v1/audio", content=body(), headers=headers)
    assert answer.status_code == 202
    assert console.suite.uploads[0]["name"] == "a.wav"
    assert console.suite.uploads[0]["bytes"] > 100 * 65536


async def test_nothing_else_of_a_service_is_reachable(console: Console) -> None:
    for path in (
        "/api/v1/internal/rtmp/on_publish",
        "/api/v1/audio/../internal/rtmp/on_publish",
        "/api/v1/audio/%2e%2e/%2e%2e/internal",
        "/api/v1/audio/..%2f..%2finternal",
        "/api/v1/audio//evil",
        "/api/v1/audio/a%3fb",
        "/api/v1/metrics",
        "/internal/rtmp/on_publish",
    ):
        address = console.client.base_url.copy_with(raw_path=path.encode())
        assert (await console.client.get(address)).status_code == 404, path
        assert (await console.client.post(address)).status_code in {404, 405}, path
    assert console.suite.requests == []


async def test_only_listed_methods_pass(console: Console) -> None:
    for method, path in (
        ("POST", "alerts"),
        ("DELETE", "channels/1/test"),
        ("PUT", "sources/1"),
        ("PUT", "webhooks/1"),
        ("DELETE", "sessions/1"),
    ):
        answer = await console.client.request(method, f"/api/v1/{path}")
        assert answer.status_code == 405, path
        assert method not in answer.headers["allow"].split(", ")
        assert path.partition("/")[0] in answer.json()["detail"]


async def test_a_service_that_is_silent_is_named_in_time(
    suite: FakeSuite, broker: RedisBroker, tmp_path: Path
) -> None:
    suite.hangs = True
    async with opened_console(suite, broker, tmp_path, upstream_seconds=0.3) as console:
        answer = await console.client.get("/api/v1/deliveries")
    assert answer.status_code == 503
    assert answer.json()["service"] == "alerting"
    assert "no answer in time" in answer.json()["detail"]


async def test_a_service_that_is_down_is_named_and_the_rest_works(
    suite: FakeSuite, broker: RedisBroker, free_port: Callable[[], int], tmp_path: Path
) -> None:
    suite.urls["storage"] = f"http://127.0.0.1:{free_port()}"
    async with opened_console(suite, broker, tmp_path) as console:
        client = console.client
        for path in ("sessions", "sessions/1/timeline", "stats/emotions"):
            answer = await client.get(f"/api/v1/{path}")
            assert answer.status_code == 503
            assert answer.json()["service"] == "storage"
            assert answer.headers["retry-after"]
        assert (await client.get("/api/v1/rules")).status_code == 200
        system = (await client.get("/api/v1/system")).json()["items"]
    states = {item["service"]: item["state"] for item in system}
    assert states == {
        "console": "ready",
        "ingest": "ready",
        "inference": "ready",
        "alerting": "ready",
        "storage": "down",
    }


async def test_a_page_of_another_site_cannot_write(console: Console) -> None:
    content = json.dumps({"name": "x", "kind": "rtmp"})
    for shown in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        headers = {"Content-Type": "text/plain", **shown}
        del console.client.headers["Sec-Fetch-Site"]
        answer = await console.client.post("/api/v1/sources", content=content, headers=headers)
        console.client.headers["Sec-Fetch-Site"] = "same-origin"
        assert answer.status_code == 403, shown
    assert console.suite.sources == []


async def test_a_client_that_goes_away_while_uploading_harms_nobody(console: Console) -> None:
    seen: list[int] = []
    console.suite.on_chunk = seen.append
    url = console.client.base_url
    _, writer = await asyncio.open_connection(url.host, url.port)
    shown = "".join(f"{name}: {value}\r\n" for name, value in console.admin.headers.items())
    head = f"POST /api/v1/audio HTTP/1.1\r\nHost: x\r\n{shown}Content-Length: 1000000\r\n\r\n"
    writer.write(head.encode())
    writer.write(bytes(1000))
    await writer.drain()
    await wait_until(lambda: bool(seen))
    writer.close()
    await writer.wait_closed()
    assert (await console.client.get("/api/v1/sources")).status_code == 200
    assert console.suite.uploads == []
