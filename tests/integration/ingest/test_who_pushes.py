"""What an encoder may say about its call, and the questions of another RTMP server than nginx."""

from collections.abc import Callable
from typing import Any

from tests.integration.ingest.conftest import MakeIngest, StartNginx
from tests.integration.ingest.streams import Reader
from tests.support.running import running
from tests.support.wait import wait_until
from tonewatch.shared.broker import RedisBroker
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import SessionState

StartEncoder = Callable[..., Any]
PERMITTED = {"name": "desk 4", "kind": "rtmp", "labels": {"queue": "vip", "agent_id": "7"},
             "permitted_labels": ["agent_id", "order_id"]}  # fmt: skip


async def test_labels_come_from_the_query_as_far_as_the_source_permits(
    make_ingest: MakeIngest,
    broker: RedisBroker,
    nginx: StartNginx,
    rtmp_port: int,
    encoder: StartEncoder,
) -> None:
    reader, live = Reader(broker), f"rtmp://127.0.0.1:{rtmp_port}/live"
    service = make_ingest(rtmp_play_base=live, rtmp_publish_base=live)
    async with running(service) as base, create_client(base_url=base) as client:
        await nginx(base)
        source = (await client.post("/v1/sources", json=PERMITTED)).json()
        query = "agent_id=1042&order_id=A-17&queue=other"
        push = await encoder(f"{live}/{source['stream_key']}?{query}", seconds=2)
        await push.ended()
        await wait_until(lambda: _ended(reader))
    (started,) = await reader.sessions(SessionState.STARTED)
    assert started.labels == {"queue": "vip", "agent_id": "1042", "order_id": "A-17"}
    assert {tuple(f.labels.items()) for f in await reader.frames()} == {
        tuple(started.labels.items())
    }


async def _ended(reader: Reader) -> bool:
    return bool(await reader.sessions(SessionState.ENDED))


async def ask(client: AsyncClient, **fields: str) -> int:
    """What MediaMTX posts to `authHTTPAddress`; the status of the answer."""
    call = {"user": "", "password": "", "token": "", "ip": "10.0.0.9", "protocol": "rtmp",
            "id": "5f0c", "query": "", "path": "live/desk-4", **fields}  # fmt: skip
    return (await client.post("/internal/rtmp/auth", json=call)).status_code


async def test_mediamtx_is_answered_by_key(make_ingest: MakeIngest, broker: RedisBroker) -> None:
    reader = Reader(broker)
    async with running(make_ingest()) as base, create_client(base_url=base) as client:
        source = (await client.post("/v1/sources", json=PERMITTED)).json()
        key = source["stream_key"]
        assert await ask(client, action="publish", query="key=guess") == 403
        assert await ask(client, action="read") == 403
        assert await ask(client, action="api") == 403
        assert await ask(client, action="publish", query=f"key={key}&order_id=B-2") == 204
        assert await ask(client, action="publish", password=key) == 204
        # what it lets in is pulled under its own name, which nobody serves here
        await wait_until(lambda: _tried(client, source["id"]))
        shown = (await client.get(f"/v1/sources/{source['id']}")).text
    assert key not in shown
    assert await reader.sessions(SessionState.STARTED) == []


async def _tried(client: AsyncClient, source_id: str) -> bool:
    shown = (await client.get(f"/v1/sources/{source_id}")).json()
    return bool(shown["state"] == "backoff")
