"""Try it: what people see, hear and take away of a recording."""

import json
from pathlib import Path
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.browser.desk import EVIL
from tests.browser.site import PAINTED, Site
from tests.browser.test_history import call
from tests.browser.tried import text_of, upload
from tests.support.fake_answers import RECORDING
from tests.support.messages import make_alert
from tests.support.wait import wait_until
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.clock import utc_now
from tonewatch.shared.streams import ALERTS


async def done(page: Page, name: str = "call.wav") -> None:
    await expect(page.locator("#try-status")).to_contain_text(f"Done: 34 s of {name}")


async def saved(page: Page, button: str) -> tuple[str, str]:
    """Name and text of a file that the page hands over."""
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name=button).click()
    download = await waiting.value
    return download.suggested_filename, await text_of(download)


async def click_at(canvas: Locator, share: float) -> None:
    box = await canvas.bounding_box()
    assert box is not None
    await canvas.click(position={"x": share * box["width"], "y": box["height"] / 2})


async def test_a_recording_is_shown_with_emotion_bars_ribbon_waveform_and_text(
    site: Site, tmp_path: Path
) -> None:
    page = await site.open()
    await upload(page, tmp_path / "call.wav", seconds=30)
    await done(page)
    await expect(page.locator("#main-emotion")).to_have_text("angry")
    await expect(page.locator("#main-confidence")).to_contain_text("% on average over 32 s")
    assert await page.locator("#bars [role=listitem]").count() == 9
    assert float((await page.locator(".bar.main .bar-value").inner_text()).rstrip(" %")) > 20
    ribbon = page.locator("#tracks .ribbon canvas")
    assert await ribbon.evaluate(PAINTED) > 1000
    assert await page.locator("#tracks .waveform canvas").evaluate(PAINTED) > 1000
    await ribbon.hover(position={"x": 3, "y": 60})
    await expect(page.locator("#tip")).to_contain_text("0:00  neutral")
    await page.get_by_text("Second by second").click()
    rows = page.locator("#seconds tr")
    assert await rows.count() == len(RECORDING)
    await expect(rows.nth(6)).to_contain_text("no speech")
    assert await page.locator("#lines button").all_inner_texts() == [
        "[0.0-1.2 s] neutral 0.90",
        "[2.0-2.5 s] fearful 0.72",
    ]
    await page.get_by_label("utterance (as a whole)").check()
    await expect(page.locator("#lines button")).to_have_text(["[1.2-4.9 s] angry 0.86"])
    assert site.complaints == []


async def test_it_plays_from_any_point_that_is_chosen(site: Site, tmp_path: Path) -> None:
    page = await site.open()
    await upload(page, tmp_path / "call.wav", seconds=30)
    await done(page)
    player = page.locator("#player")

    async def expect_near(seconds: float) -> None:
        async def is_near() -> bool:
            # playing goes on while we look
            at: float = await player.evaluate("player => player.currentTime")
            return -0.01 <= at - seconds < 5

        await wait_until(is_near)
        await expect(page.locator("#tracks .playhead").first).to_be_visible()

    await click_at(page.locator("#tracks .waveform canvas"), 0.625)
    await expect_near(0.625 * 34)
    await player.evaluate("player => player.pause()")
    await click_at(page.locator("#tracks .ribbon canvas"), 12.5 / 34)
    await expect_near(12)
    await page.locator("#lines button").nth(1).press("Enter")
    await expect_near(2)
    await page.get_by_text("Second by second").click()
    await page.get_by_role("button", name="Play from 0:25").first.click()
    await expect_near(25)
    assert await player.evaluate("player => player.paused") is False


async def test_the_result_is_taken_away_as_text_json_and_csv(site: Site, tmp_path: Path) -> None:
    page = await site.open(accept_downloads=True)
    await upload(page, tmp_path / "call 1.wav", seconds=3)
    await done(page, "call 1.wav")
    name, text = await saved(page, "TXT")
    assert name == "call 1.txt"
    assert text.splitlines() == ["[0.0-1.2 s] neutral 0.90", "[2.0-2.5 s] fearful 0.72"]
    name, text = await saved(page, "JSON")
    result = json.loads(text)
    assert name == "call 1.json"
    assert (result["file"], result["emotion"], result["granularity"]) == (
        "call 1.wav",
        "angry",
        "frame",
    )
    assert len(result["seconds"]) == len(RECORDING)
    assert len(result["probabilities"]) == 9
    assert result["segments"][1]["emotion"] == "fearful"
    await page.get_by_label("utterance (as a whole)").check()
    _, text = await saved(page, "JSON")
    assert [each["emotion"] for each in json.loads(text)["utterances"]] == ["angry"]
    _, text = await saved(page, "CSV")
    assert text.startswith("\ufeffsession_id,")
    asked = site.suite.requests[-1][1]
    session = site.suite.uploads[0]["session_id"]
    assert asked == f"session_id={session}&granularity=utterance&format=csv&bom=true"


async def test_only_the_page_that_records_may_use_the_microphone(site: Site) -> None:
    page = await site.open()
    for path, policy in (("/", "microphone=(self)"), ("/alerts", "microphone=()")):
        answer = await page.goto(site.url + path)
        assert answer is not None
        assert policy in answer.headers["permissions-policy"]


async def test_a_file_that_is_no_audio_is_explained(site: Site, tmp_path: Path) -> None:
    page = await site.open()
    path = tmp_path / "letter.txt"
    path.write_text("no audio")
    await page.set_input_files("#file", str(path))
    await expect(page.locator("#try-status")).to_have_text(
        "letter.txt was not accepted. the file holds no audio stream; upload a recording"
    )
    await expect(page.locator("#result")).to_be_hidden()


async def test_a_file_that_is_too_large_is_explained_while_it_is_still_sent(
    site: Site, tmp_path: Path
) -> None:
    site.suite.largest_upload = 1_000_000
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.truncate(300_000_000)
    page = await site.open()
    await page.set_input_files("#file", str(path))
    status = page.locator("#try-status")
    await expect(status).to_contain_text(
        "long.wav is too large. the file is larger than 1000000 bytes", timeout=30_000
    )


async def test_embeddings_are_kept_on_request_and_alike_calls_are_shown(
    site: Site, tmp_path: Path
) -> None:
    site.suite.sessions = [call("call-1", name=EVIL)]
    site.suite.embeddings_late = 1  # utterances are scored after their seconds
    page = await site.open()
    await upload(page, tmp_path / "call.wav")
    await done(page)
    await expect(page.locator("#similar-part")).to_be_hidden()
    await expect(page.locator("#save-embeddings")).to_be_hidden()
    await page.get_by_label("Extract the embedding").check()
    await upload(page, tmp_path / "again.wav")
    await expect(page.locator("#similar")).to_have_text(f"{EVIL}93 %")
    assert await page.locator("#similar a").get_attribute("href") == "/calls/call-1"
    assert [each["labels"] for each in site.suite.uploads] == [{}, {"embeddings": "true"}]
    assert await page.locator("main img, main script").count() == 0
    async with page.expect_download() as waiting:
        await page.get_by_role("button", name="NPZ").click()
    download = await waiting.value
    assert (download.suggested_filename, await text_of(download)) == ("again.npz", "PK")


async def test_an_alert_that_the_file_fires_pops_up_and_stands_with_the_result(
    site: Site, broker: RedisBroker, tmp_path: Path
) -> None:
    page = await site.open()
    await upload(page, tmp_path / f"{EVIL[:8]}.wav".replace("/", ""))
    await wait_until(lambda: bool(site.suite.uploads))
    now = utc_now()
    moments: dict[str, Any] = {"at": now, "decided_at": now}
    session = site.suite.uploads[0]["session_id"]
    alert = make_alert(session_id=session, rule=EVIL, first_seq=12, last_seq=14, **moments)
    await broker.publish([Outgoing(ALERTS, alert)])
    await expect(page.get_by_role("alert").locator("strong")).to_have_text(EVIL)
    row = page.locator("#try-alerts li")
    await expect(row).to_contain_text(EVIL)
    await expect(row.get_by_role("button", name="Play from 0:12")).to_be_visible()
    link = row.get_by_role("link")
    assert await link.get_attribute("href") == f"/alerts?open={alert.alert_id}"
    assert await page.locator("main img, main script").count() == 0


async def test_it_is_chinese_on_request(site: Site, tmp_path: Path) -> None:
    page = await site.open("/?lang=zh")
    await upload(page, tmp_path / "call.wav")
    await expect(page.locator("#lines button").nth(1)).to_have_text("[2.0-2.5 s] 恐惧 0.72")
    await page.get_by_label("整句").check()
    await expect(page.locator("#lines button")).to_have_text(["[1.2-4.9 s] 生气 0.86"])
    await expect(page.locator("#main-emotion")).to_have_text("生气")
