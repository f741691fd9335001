"""The page of sources before a real ingest: state, history, keys, and what senders need."""

from urllib.parse import urlsplit

from playwright.async_api import Locator, Page, expect

from tests.browser.desk import EVIL
from tests.browser.door import Door
from tests.support.audio import speech_like_pcm
from tests.support.sockets import heard, websocket
from tonewatch.shared.http import create_client


def item(page: Page, name: str) -> Locator:
    return page.locator("#sources > li", has=page.locator("strong", has_text=name))


async def copies(part: Locator) -> dict[str, str]:
    names = await part.locator(".copies dt").all_inner_texts()
    return dict(zip(names, await part.locator(".copies dd code").all_inner_texts(), strict=True))


async def may_publish(door: Door, key: str) -> bool:
    async with create_client(base_url=door.url) as client:
        asked = {"action": "publish", "path": "live/x", "query": f"key={key}", "id": key[:8]}
        return (await client.post("/internal/rtmp/auth", json=asked)).is_success


async def test_a_source_shows_its_state_and_what_it_went_through(door: Door) -> None:
    await door.add(name="radio", kind="pull", url="http://user:pw-of-radio@radio.invalid/live.mp3")
    page = await door.site.open("/sources")
    radio = item(page, "radio")
    await expect(radio.locator(".badge").first).to_have_text("retrying", timeout=15_000)
    await expect(radio).to_contain_text("radio.invalid")
    assert "pw-of-radio" not in await page.content()
    await radio.get_by_text("What it went through").click()
    steps = radio.locator(".timeline li")
    await expect(steps.last).to_contain_text("connecting")
    await expect(steps.filter(has_text="retrying").first).to_be_visible()


async def test_what_happens_is_shown_without_loading_the_page_again(door: Door) -> None:
    made = await door.add(name="hotline", kind="websocket", labels={"queue": "vip"})
    page = await door.site.open("/sources")
    hotline = item(page, "hotline")
    await expect(hotline.locator(".badge").first).to_have_text("idle")
    await expect(hotline.locator(".chip")).to_have_text("queue vip")
    parts = urlsplit(made["publish_url"])
    async with websocket(door.url, f"{parts.path}?{parts.query}") as socket:
        await socket.send('{"type": "hello", "rate_hz": 16000, "channels": 1}')
        assert (await heard(socket))["type"] == "started"
        await socket.send(speech_like_pcm(1))
        await expect(hotline.locator(".badge").first).to_have_text("live", timeout=15_000)
        await expect(hotline).to_contain_text("Open calls")


async def test_a_new_key_is_shown_once_and_the_old_one_is_void(door: Door) -> None:
    made = await door.add(name="desk 4", kind="rtmp")
    page = await door.site.open("/sources")
    desk = item(page, "desk 4")
    await desk.get_by_text("Settings for the sender").click()
    settings = await copies(desk)
    assert settings["Server"] == made["url"]
    assert settings["Both in one address"] == f"{made['url']}/YOUR-KEY"
    await desk.get_by_role("button", name="New key").click()
    await desk.get_by_role("button", name="Sure?").click()
    await expect(page.locator("#new-key")).to_be_visible()
    shown = await copies(page.locator("#new-key"))
    assert shown["Stream key"] not in {made["stream_key"], ""}
    assert shown["ffmpeg"].endswith(f" {made['url']}/{shown['Stream key']}")
    assert not await may_publish(door, made["stream_key"])
    assert await may_publish(door, shown["Stream key"])
    await page.get_by_role("button", name="I have it").click()
    assert shown["Stream key"] not in await page.content()


async def test_a_source_is_added_and_removed(door: Door) -> None:
    page = await door.site.open("/sources")
    await expect(page.locator("#sources-empty")).to_be_visible()
    await page.get_by_text("Add a source", exact=True).click()
    await page.locator("#add-source [name=name]").fill("front desk")
    await page.locator("#add-source [name=kind]").select_option("audiosocket")
    await page.get_by_role("button", name="Add", exact=True).click()
    front = item(page, "front desk")
    await expect(front).to_be_visible()
    await front.get_by_role("button", name="Remove").click()
    await front.get_by_role("button", name="Sure?").click()
    await expect(front).to_have_count(0)


async def test_sources_are_chinese_on_request_and_their_names_are_text(door: Door) -> None:
    await door.add(name=EVIL, kind="rtmp", labels={"queue": EVIL[:60]})
    page = await door.site.open("/sources?lang=zh", viewport={"width": 390, "height": 800})
    await expect(page.locator("#sources strong")).to_have_text(EVIL)
    await expect(page.locator("#sources .badge").first).to_have_text("空闲")
    await page.get_by_text("推流端设置").click()
    await page.get_by_text("状态历史").click()
    assert await page.locator("main img, main script").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth") == 390


async def test_an_inspector_looks_at_sources_and_changes_nothing(door: Door) -> None:
    await door.add(name="desk 7", kind="rtmp")
    who = await door.site.person("zhao", "inspector")
    page = await door.site.open("/sources", who=who)
    await expect(page.locator("#sources > li")).to_have_count(1)
    await expect(page.locator("#add-source")).to_have_count(0)
    await expect(page.get_by_role("button", name="Remove")).to_have_count(0)
    await expect(page.get_by_text("Add a source", exact=True)).to_have_count(0)
