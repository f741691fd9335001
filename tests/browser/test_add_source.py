"""The form that adds a source, before a real ingest: what it shows to copy works."""

import json
from typing import Any, get_args
from urllib.parse import urlsplit

from playwright.async_api import Locator, Page, expect

from tests.browser.door import Door
from tests.support.audio import speech_like_pcm
from tests.support.sockets import AsteriskCall, heard, websocket
from tests.support.wait import wait_until
from tonewatch.ingest.handlers.schemas import NewSource
from tonewatch.ingest.sources import Layout

OPTIONS = "options => options.map(option => option.value)"
SPLIT = "left=customer,right=agent"
FIELDS = {
    "pull": {"url", "channels"},
    "rtmp": {"channels", "permitted"},
    "websocket": {"channels", "permitted"},
    "audiosocket": set[str](),
}


async def open_form(door: Door, kind: str, name: str, **options: Any) -> tuple[Page, Locator]:
    """The form, with a name and a kind."""
    page = await door.site.open(**options)
    await page.get_by_text("Add a source", exact=True).click()
    form = page.locator("#add-source")
    await form.locator("[name=name]").fill(name)
    await form.locator("[name=kind]").select_option(kind)
    return page, form


async def add(page: Page) -> dict[str, str]:
    """Press the button; what there is to copy, by its names."""
    await page.get_by_role("button", name="Add", exact=True).click()
    answer = page.locator("#add-answer")
    await expect(answer).to_contain_text("was added")
    names = await answer.locator("dt").all_inner_texts()
    return dict(zip(names, await answer.locator("dd code").all_inner_texts(), strict=True))


async def test_the_form_offers_what_ingest_takes(door: Door) -> None:
    page = await door.site.open()
    kinds = await page.locator("[name=kind] option").evaluate_all(OPTIONS)
    assert set(kinds) == set(get_args(NewSource.model_fields["kind"].annotation))
    layouts = await page.locator("[name=channels] option").evaluate_all(OPTIONS)
    assert layouts == [layout.value for layout in Layout]


async def test_each_kind_has_its_own_fields(door: Door) -> None:
    _, form = await open_form(door, "pull", "line")
    for kind, fields in FIELDS.items():
        await form.locator("[name=kind]").select_option(kind)
        controls = await form.locator("input, select, textarea").all()
        shown = {await each.get_attribute("name") for each in controls if await each.is_visible()}
        assert shown == {"name", "kind", "labels", *fields}
        await expect(form.locator(".hint:visible")).to_have_count(2 if kind == "pull" else 1)
        split = form.locator("[name=unmonitored]")
        if "channels" in fields:
            await form.locator("[name=channels]").select_option(SPLIT)
            await expect(split).to_be_visible()
            await form.locator("[name=channels]").select_option("mixed")
        await expect(split).to_be_hidden()


async def test_an_rtmp_source_with_two_speakers_labels_and_a_policy(door: Door) -> None:
    page, form = await open_form(door, "rtmp", "desk 4")
    await form.locator("[name=channels]").select_option(SPLIT)
    await form.locator("[name=unmonitored]").select_option("agent")
    await form.locator("[name=labels]").fill("queue=vip\n\nnote = a=b \n")
    await form.locator("[name=permitted]").fill("agent_id, order_id")
    shown = await add(page)
    made = await door.source("desk 4")
    assert shown["Both in one address"] == f"{shown['Server']}/{shown['Stream key']}"
    assert shown["Server"] == made["url"]
    assert made["labels"] == {"queue": "vip", "note": "a=b"}
    assert (made["channels"], made["policy"]) == (SPLIT, {"customer": "on", "agent": "off"})
    assert made["permitted_labels"] == ["agent_id", "order_id"]
    await expect(page.locator("#sources")).to_contain_text("desk 4")
    await expect(form.locator("[name=url]")).to_be_visible()  # as at first


async def test_a_pulled_source_has_nothing_to_copy(door: Door) -> None:
    page, form = await open_form(door, "pull", "radio")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(form.locator("[name=url]")).to_be_focused()  # it is required
    await form.locator("[name=url]").fill("gopher://radio.example/live")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("#add-problem")).to_contain_text("must begin with one of")
    await form.locator("[name=url]").fill("http://radio.invalid/live.mp3")
    assert await add(page) == {}
    await expect(page.locator("#add-problem")).to_be_hidden()
    assert (await door.source("radio"))["url"] == "http://radio.invalid/live.mp3"
    door.site.complaints.clear()  # the browser notes the refused request


async def test_a_line_that_is_no_label_is_named_and_the_last_key_stays(door: Door) -> None:
    page, form = await open_form(door, "audiosocket", "hotline")
    shown = await add(page)
    await form.locator("[name=name]").fill("front desk")
    await form.locator("[name=kind]").select_option("rtmp")
    await form.locator("[name=labels]").fill("queue=vip\nfront desk")
    await page.get_by_role("button", name="Add", exact=True).click()
    await expect(page.locator("#add-problem")).to_contain_text("“front desk” is no label")
    await expect(form.locator("[name=name]")).to_have_value("front desk")
    await expect(page.locator("#add-answer")).to_contain_text(shown["UUID"])


async def test_a_program_gets_in_with_what_a_websocket_source_shows(door: Door) -> None:
    page, form = await open_form(door, "websocket", "hotline")
    await form.locator("[name=channels]").select_option(SPLIT)
    shown = await add(page)
    for name, first in (
        ("Address for a program", shown["Its first message"]),
        ("FreeSWITCH: uuid_audio_stream", speech_like_pcm(1)),
    ):
        parts = urlsplit(shown[name])
        async with websocket(door.url, f"{parts.path}?{parts.query}") as socket:
            await socket.send(first)
            assert (await heard(socket))["type"] == "started"
    assert json.loads(shown["Its first message"])["channels"] == 2
    assert shown["Twilio: url of <Stream>"].endswith("/v1/ws/twilio")
    assert shown['Twilio: <Parameter name="key">'] in shown["Address for a program"]


async def test_asterisk_gets_in_with_what_an_audiosocket_source_shows(door: Door) -> None:
    page, form = await open_form(door, "rtmp", "hotline")
    # what was chosen for another kind is not sent: AudioSocket has one channel
    await form.locator("[name=channels]").select_option(SPLIT)
    await form.locator("[name=unmonitored]").select_option("agent")
    await form.locator("[name=permitted]").fill("agent_id")
    await form.locator("[name=kind]").select_option("audiosocket")
    shown = await add(page)
    assert (await door.source("hotline"))["permitted_labels"] == []
    assert shown["Step of the dialplan"] == f"AudioSocket({shown['UUID']},{shown['Address']})"
    call = await AsteriskCall.dial(door.ingest.audiosocket.port, shown["UUID"])
    await call.audio(speech_like_pcm(1), 0x12)

    async def is_live() -> bool:
        return bool((await door.source("hotline"))["state"] == "live")

    await wait_until(is_live)
    await call.close()


async def test_what_is_shown_can_be_copied(door: Door) -> None:
    page, _ = await open_form(
        door, "rtmp", "desk 4", permissions=["clipboard-read", "clipboard-write"]
    )
    shown = await add(page)
    await page.get_by_role("button", name="Copy: Stream key").click()
    await expect(page.get_by_role("button", name="Copy: Stream key")).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == shown["Stream key"]
    assert await page.evaluate("getSelection().toString()") == shown["Stream key"]


async def test_a_phone_shows_the_form_and_the_keys_without_scrolling_sideways(door: Door) -> None:
    page, _ = await open_form(door, "websocket", "x" * 200, viewport={"width": 360, "height": 740})
    await add(page)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
