"""Names, messages and comments are found by any part of them, in Chinese, too."""

import pytest

from tests.support.asking import all_pages, get
from tests.support.messages import make_alert, make_session
from tests.support.stored import items
from tonewatch.shared.http import AsyncClient
from tonewatch.storage.store import Store


@pytest.fixture
async def texts(store: Store, client: AsyncClient) -> None:
    await store.write(
        items(
            [
                make_session(session_id="s1", source_id="hotline", name="售后热线 一号线"),
                make_session(session_id="s2", source_id="vip", name='VIP Line 50% "quoted"'),
                make_alert(session_id="s1", message="客户非常愤怒 持续 12 秒"),
            ]
        )
    )
    body = {"by": "质检员", "verdict": "right", "comment": "客户要求退款 refund"}
    judged = await client.put("/v1/alerts/alert-1/verdict", json=body)
    assert judged.status_code == 200, judged.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "热线"}, {("session", "s1"), ("source", "hotline")}),
        ({"q": "售后热线"}, {("session", "s1"), ("source", "hotline")}),
        ({"q": "售后 一号"}, {("session", "s1"), ("source", "hotline")}),
        ({"q": "售后热线 二号"}, set()),
        ({"q": "vip line", "kind": "session"}, {("session", "s2")}),
        ({"q": "50%"}, {("session", "s2"), ("source", "vip")}),
        ({"q": "5_%"}, set()),
        ({"q": '"quoted"'}, {("session", "s2"), ("source", "vip")}),
        ({"q": "愤怒"}, {("alert", "alert-1")}),
        ({"q": "要求退款"}, {("alert", "alert-1")}),
        ({"q": "REFUND"}, {("alert", "alert-1")}),
        ({"q": "x' OR 1=1 --"}, set()),
        ({"q": 'a" OR "b'}, set()),
        ({"q": "NEAR(售后热线)"}, set()),
    ],
)
@pytest.mark.usefixtures("texts")
async def test_texts_are_found_by_any_part_of_them(
    query: dict[str, str], found: set[tuple[str, str]], client: AsyncClient
) -> None:
    items_ = (await get(client, "/v1/search", **query))["items"]
    assert {(item["kind"], item["id"]) for item in items_} == found


@pytest.mark.usefixtures("texts")
async def test_texts_follow_their_rows(client: AsyncClient, store: Store) -> None:
    await store.write(items([make_session(session_id="s1", source_id="hotline", name="新名字")]))
    assert (await get(client, "/v1/search", q="售后热线", kind="session"))["items"] == []
    renamed = await all_pages(client, "/v1/search", q="新名字", limit=1)
    assert sorted(item["id"] for item in renamed) == ["hotline", "s1"]
    taken_back = {"by": "质检员", "verdict": None}
    await client.put("/v1/alerts/alert-1/verdict", json=taken_back)
    assert (await get(client, "/v1/search", q="退款"))["items"] == []
