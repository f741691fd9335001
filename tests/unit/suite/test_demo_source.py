from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response

from tonewatch.shared.errors import TonewatchError
from tonewatch.shared.http import ASGITransport, AsyncClient
from tonewatch.suite.demo import source as demo_source


class Ingest:
    """The part of ingest's API that the demo uses, one source a page."""

    def __init__(self) -> None:
        self.sources: list[dict[str, Any]] = []
        self.keys = 0
        self.full = False
        self.app = FastAPI()
        self.app.get("/v1/sources")(self.list)
        self.app.post("/v1/sources", status_code=201)(self.add)
        self.app.get("/v1/sources/{source_id}")(self.show)
        self.app.delete("/v1/sources/{source_id}", status_code=204)(self.delete)
        self.app.post("/v1/sources/{source_id}/rotate-key")(self.rotate)

    async def list(self, cursor: int = 0) -> dict[str, Any]:
        after = cursor + 1 if cursor + 1 < len(self.sources) else None
        items = self.sources[cursor : cursor + 1]
        return {"items": items, "next_cursor": None if after is None else str(after)}

    async def add(self, request: Request) -> Any:
        if self.full:
            return Response("no more sources", status_code=409)
        source = {**await request.json(), "id": f"s{len(self.sources)}", "state": "idle"}
        self.sources.append(source)
        return {**source, "stream_key": self.new_key()} if source["kind"] == "rtmp" else source

    async def show(self, source_id: str) -> Any:
        return next(source for source in self.sources if source["id"] == source_id)

    async def delete(self, source_id: str) -> None:
        self.sources = [source for source in self.sources if source["id"] != source_id]

    async def rotate(self, source_id: str) -> Any:
        return {**await self.show(source_id), "stream_key": self.new_key()}

    def new_key(self) -> str:
        self.keys += 1
        return f"key{self.keys}"


@pytest.fixture
def ingest() -> Ingest:
    return Ingest()


@pytest.fixture
async def client(ingest: Ingest) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(transport=ASGITransport(ingest.app), base_url="http://ingest") as made:
        yield made


async def test_the_first_demo_makes_its_source(ingest: Ingest, client: AsyncClient) -> None:
    source = await demo_source.push_source(client, "rtmp://127.0.0.1:1935/live")
    assert source.push_url == "rtmp://127.0.0.1:1935/live/key1"
    assert [(made["id"], made["name"]) for made in ingest.sources] == [(source.source_id, "demo")]
    assert ingest.sources[0]["labels"]["agent_id"]


async def test_a_later_demo_takes_the_same_source_with_a_new_key(
    ingest: Ingest, client: AsyncClient
) -> None:
    ingest.sources.append({"id": "s0", "name": "another", "kind": "rtmp"})
    first = await demo_source.push_source(client, "rtmp://h/live")
    second = await demo_source.push_source(client, "rtmp://h/live")
    assert second.source_id == first.source_id
    assert second.push_url != first.push_url
    assert len(ingest.sources) == 2


async def test_a_pulled_demo_leaves_nothing_for_a_pushed_one(
    ingest: Ingest, client: AsyncClient
) -> None:
    for _ in range(2):
        pulled = await demo_source.pull_source(client, "http://127.0.0.1:1935/conversation.ts")
        assert pulled.push_url == ""
    assert [source["kind"] for source in ingest.sources] == ["pull"]
    await demo_source.push_source(client, "rtmp://h/live")
    assert [source["kind"] for source in ingest.sources] == ["rtmp"]


async def test_a_refusal_is_told_with_its_reason(ingest: Ingest, client: AsyncClient) -> None:
    ingest.full = True
    with pytest.raises(TonewatchError, match=r"\(409\): no more sources"):
        await demo_source.push_source(client, "rtmp://h/live")


async def test_the_state_is_described_with_its_reason(ingest: Ingest, client: AsyncClient) -> None:
    ingest.sources.append({"id": "s0", "name": "demo", "state": "backoff", "reason": "refused"})
    assert await demo_source.describe(client, "s0") == "the demo source is backoff (refused)"
