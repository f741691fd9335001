"""Questions to the query API of storage."""

from typing import Any

from tonewatch.shared.http import AsyncClient

Json = dict[str, Any]
VIP = {"agent_id": "a7", "queue": "售后", "customer_tier": "vip"}


async def get(client: AsyncClient, path: str, **query: Any) -> Json:
    """The answer as JSON; `from_` asks for `from`."""
    query = {name.rstrip("_"): value for name, value in query.items()}
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


async def all_pages(client: AsyncClient, path: str, **query: Any) -> list[Json]:
    """The items of all pages."""
    found: list[Json] = []
    cursor = None
    while True:
        body = await get(client, path, **query, **({"cursor": cursor} if cursor else {}))
        found += body["items"]
        cursor = body["next_cursor"]
        if cursor is None:
            return found
