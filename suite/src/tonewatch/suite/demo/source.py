"""The demo's source in ingest: found or made at each start, with a fresh stream key."""

from dataclasses import dataclass
from typing import Any, Final

from tonewatch.shared.errors import TonewatchError
from tonewatch.shared.http import AsyncClient, Response

NAME: Final = "demo"
LABELS: Final = {"agent_id": "A-1007", "queue": "after-sales", "customer_tier": "vip"}


@dataclass(frozen=True, slots=True)
class DemoSource:
    """Where the conversation goes in; `push_url` carries the key, and is empty when pulled."""

    source_id: str
    push_url: str = ""


async def push_source(ingest: AsyncClient, rtmp_base: str) -> DemoSource:
    """An RTMP source whose key nobody else knows: it is new at each start."""
    await remove_pull_source(ingest)  # of a former demo that had no door
    known = await _find(ingest, "rtmp")
    if known is None:
        made = _body(await ingest.post("/v1/sources", json=_wanted("rtmp")))
    else:
        made = _body(await ingest.post(f"/v1/sources/{known['id']}/rotate-key"))
    source_id = known["id"] if known is not None else made["id"]
    return DemoSource(source_id, f"{rtmp_base}/{made['stream_key']}")


async def pull_source(ingest: AsyncClient, url: str) -> DemoSource:
    """A source that ingest pulls from the suite itself."""
    await remove_pull_source(ingest)
    made = _body(await ingest.post("/v1/sources", json={**_wanted("pull"), "url": url}))
    return DemoSource(made["id"])


async def remove_pull_source(ingest: AsyncClient) -> None:
    """Without the suite there is nothing to pull; ingest would try for ever."""
    if known := await _find(ingest, "pull"):
        await ingest.delete(f"/v1/sources/{known['id']}")


async def describe(ingest: AsyncClient, source_id: str) -> str:
    """How the source is, for a person who wonders why nothing comes."""
    source = _body(await ingest.get(f"/v1/sources/{source_id}"))
    reason = f" ({source['reason']})" if source.get("reason") else ""
    return f"the demo source is {source.get('state')}{reason}"


def _wanted(kind: str) -> dict[str, Any]:
    return {"name": NAME, "kind": kind, "labels": LABELS}


async def _find(ingest: AsyncClient, kind: str) -> dict[str, Any] | None:
    cursor: str | None = None
    while True:
        page = _body(await ingest.get("/v1/sources", params={"cursor": cursor} if cursor else None))
        for source in page["items"]:
            if source["name"] == NAME and source["kind"] == kind:
                return dict(source)
        cursor = page.get("next_cursor")
        if cursor is None:
            return None


def _body(response: Response) -> Any:
    if not response.is_success:
        raise TonewatchError(
            f"ingest refused the demo source ({response.status_code}): {response.text[:300]}"
        )
    return response.json()
