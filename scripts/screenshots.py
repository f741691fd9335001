"""Makes the pictures of the console for the READMEs: `python -m scripts.screenshots`.

It needs Chromium and playwright, and nothing else running: the other services are the stand-ins of
the tests, the calls are made up. With `--review DIR` it also takes the views that a reviewer wants
to look at: every page in both languages, wide and on a phone, light and dark; a fresh installation.
"""

import argparse
import asyncio
import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import imageio_ffmpeg
from playwright.async_api import Browser, Page, async_playwright

from tests.support.audio import speech_like_pcm, write_wav
from tests.support.chromium import ARGUMENTS, chromium_path
from tests.support.fake_answers import certainty, summary, timeline_item
from tests.support.fake_suite import FakeSuite, fake_suite
from tests.support.messages import make_alert, make_score, make_session
from tests.support.running import running
from tests.support.signed_in import SignedIn, sign_in
from tonewatch.console.pages import PAGES
from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import MemoryBroker, Outgoing
from tonewatch.shared.clock import utc_now
from tonewatch.shared.messages import AlertState, Labels, Priority, Speaker
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS, Stream

OUTPUT = Path("docs/images")
WIDE = {"width": 1160, "height": 950}
REVIEWED = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
SECONDS = 170


@dataclass(frozen=True)
class Call:
    """A call that goes on while the picture is taken."""

    name: str
    labels: Labels
    moods: tuple[tuple[str, int], ...]
    speakers: tuple[Speaker, ...] = (Speaker.MIXED,)

    def seconds(self) -> Iterator[str]:
        """Its emotions, second by second, for as long as anybody asks."""
        for mood, length in itertools.chain(self.moods, itertools.repeat((self.moods[-1][0], 21))):
            yield from itertools.repeat(mood, length)
            yield from itertools.repeat("no_speech", 2)


CALLS = (
    Call(
        "售后热线 3 / After-sales 3",
        {"agent_id": "A1207", "queue": "refunds", "customer_tier": "vip"},
        (("neutral", 55), ("sad", 28), ("neutral", 14), ("angry", 40)),
        (Speaker.CUSTOMER, Speaker.AGENT),
    ),
    Call(
        "售前咨询 1 / Sales 1",
        {"agent_id": "A1093", "queue": "sales"},
        (("neutral", 40), ("happy", 18), ("neutral", 52), ("happy", 30)),
    ),
    Call(
        "技术支持 2 / Support 2",
        {"agent_id": "A1311", "queue": "support", "order_id": "88213"},
        (("surprised", 9), ("neutral", 70), ("fearful", 15), ("neutral", 60)),
    ),
    Call(
        "门店巡检 / Store radio",
        {"queue": "stores"},
        (("other", 12), ("neutral", 26), ("surprised", 5), ("sad", 80)),
    ),
)

RULES = [
    {"name": "angry", "emotion": "angry", "threshold": 0.75, "duration_sec": 2, "priority": "high"},
    {
        "name": "VIP客户恐惧告警",
        "emotion": "fearful",
        "threshold": 0.6,
        "duration_sec": 1,
        "priority": "high",
    },
    {
        "name": "售后失望组合",
        "combination": {"emotions": ["sad", "neutral"], "min_sum": 0.8},
        "duration_sec": 1,
        "priority": "medium",
    },
]


class Calls:
    """Publishes the scores of all calls, first their past, then a second per second."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._start = utc_now() - timedelta(seconds=SECONDS)
        self._runs = {call.name: call.seconds() for call in CALLS}
        agent = ["neutral"] * 17 + ["no_speech"] * 9 + ["happy"] * 4 + ["no_speech"] * 6
        self._agent = itertools.cycle(agent)
        self._seq = 0

    async def past(self) -> None:
        """Sessions begin, and what was said so far."""
        for number, call in enumerate(CALLS):
            await self._publish(
                SESSIONS,
                make_session(
                    session_id=f"call-{number}",
                    name=call.name,
                    labels=call.labels,
                    at=self._start,
                    kind="rtmp",
                    speakers=call.speakers,
                ),
            )
        while self._seq < SECONDS:
            await self.second()
        await self._alert("call-2", "VIP客户恐惧告警", "fearful", 85, 99, AlertState.FIRING)
        await self._alert("call-2", "VIP客户恐惧告警", "fearful", 85, 99, AlertState.RESOLVED)

    async def second(self) -> None:
        """One second of every call."""
        for number, call in enumerate(CALLS):
            emotions = [next(self._runs[call.name]), next(self._agent)]
            for speaker, emotion in zip(call.speakers, emotions, strict=False):
                score = make_score(
                    self._seq,
                    emotion,
                    certainty(self._seq + 31 * number, emotion),
                    session_id=f"call-{number}",
                    speaker=speaker,
                    labels=call.labels,
                )
                await self._publish(SCORES, score)
        self._seq += 1

    async def fire(self) -> None:
        """The alert that the picture shows popping up."""
        last = self._seq - 1
        await self._alert("call-0", "angry", "angry", last - 20, last, AlertState.FIRING)

    async def _alert(
        self, session: str, rule: str, emotion: str, first: int, last: int, state: AlertState
    ) -> None:
        number = int(session[-1])
        at = self._at(first + 2 if state is AlertState.FIRING else last)
        alert = make_alert(
            state,
            session_id=session,
            alert_id=f"alert-{session}",
            rule=rule,
            priority=Priority.HIGH,
            emotions=(emotion,),
            speaker=CALLS[number].speakers[0],
            labels=CALLS[number].labels,
            value=0.86,
            threshold=0.75 if emotion == "angry" else 0.6,
            first_seq=first,
            last_seq=last,
            started_at=self._at(first),
            at=at,
            decided_at=utc_now() if emotion == "angry" else at,
        )
        await self._publish(ALERTS, alert)

    def _at(self, seq: int) -> datetime:
        return self._start + timedelta(seconds=seq)

    async def _publish(self, stream: Stream, message: object) -> None:
        await self._broker.publish([Outgoing(stream, message)])  # type: ignore[arg-type]


def past_call() -> dict[str, object]:
    """The first call as storage tells of it once it is over."""
    seconds = list(itertools.islice(CALLS[0].seconds(), SECONDS))
    times = {"started_at": "2026-01-04T09:00:00.000Z", "ended_at": "2026-01-04T09:02:50.000Z"}
    call = {"name": CALLS[0].name, "labels": CALLS[0].labels, "source_id": "line", "alerts": 0}
    return {**summary("call-0", seconds, complete=True), **call, **times, "state": "ended"}


def past_timeline() -> dict[str, object]:
    """Its seconds."""
    seconds = itertools.islice(CALLS[0].seconds(), SECONDS)
    items = [timeline_item(seq, mood) for seq, mood in enumerate(seconds)]
    return {"items": items, "gaps": [], "alerts": [], "bucket_seconds": 1, "next_cursor": None}


@asynccontextmanager
async def scene(*, busy: bool = True) -> AsyncIterator[tuple[str, SignedIn, FakeSuite, Calls]]:
    """A console before stand-ins, who uses it, and those; `busy` with calls, rules and sources."""
    with TemporaryDirectory() as folder:
        async with fake_suite() as suite:
            broker = MemoryBroker(partitions=4)
            calls = Calls(broker)
            if busy:
                await calls.past()
                suite.rules = {
                    "rules": RULES,
                    "file": "rules.yaml",
                    "loaded_at": "2026-01-04T09:00:00Z",
                }
                suite.sources = [
                    _source("售后热线 3 / After-sales 3", "rtmp", "live"),
                    _source("Radio", "pull", "backoff", "https://radio.example/live.m3u8"),
                ]
            settings = ConsoleSettings.model_validate(
                {"console": suite.console_options(), "data_dir": folder}
            )
            service = ConsoleService(settings, broker)
            async with running(service) as base_url:
                yield base_url, await sign_in(service.door, name="li"), suite, calls


def _source(name: str, kind: str, state: str, url: str | None = None) -> dict[str, object]:
    reason = "HTTP 404 from radio.example; next attempt in 8 s" if state == "backoff" else ""
    source = {"id": name, "name": name, "kind": kind, "state": state, "reason": reason, "url": url}
    return {**source, "labels": {}, "since": "2026-01-04T09:00:00Z", "channels": "mixed"}


async def open_page(browser: Browser, url: str, person: SignedIn, **options: object) -> Page:
    """A page that has its first data."""
    state = person.storage_state(url)
    context = await browser.new_context(storage_state=state, **options)  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(url)
    await page.locator("#system li").first.wait_for()
    return page


async def show(page: Page, calls: Calls, recording: Path) -> None:
    """Bring the page to the state of the picture: a recording tried, an alert just fired."""
    await page.set_input_files("#file", str(recording))
    await page.locator("#try-progress").wait_for(state="hidden", timeout=30_000)
    for _ in range(3):
        await calls.second()
    await calls.fire()
    await page.locator(".toast").first.wait_for()
    await page.wait_for_timeout(500)


async def pictures(browser: Browser, recording: Path, review: Path | None) -> None:
    """Take all pictures."""
    shots = [("en", WIDE, "light", OUTPUT), ("zh", WIDE, "light", OUTPUT)]
    if review:
        shots += [("en", WIDE, "dark", review), ("zh", PHONE, "light", review)]
        shots += [("en", PHONE, "dark", review)]
    for language, size, scheme, folder in shots:
        async with scene() as (url, person, _, calls):
            page = await open_page(
                browser, f"{url}/?lang={language}", person, viewport=size, color_scheme=scheme
            )
            await show(page, calls, recording)
            plain = folder == OUTPUT
            name = f"console-{language}" + ("" if plain else f"-{size['width']}-{scheme}")
            await page.screenshot(path=folder / f"{name}.png", full_page=not plain)
            await page.context.close()
    if review:
        await other_pages(browser, review)
        await empty(browser, review)


async def other_pages(browser: Browser, review: Path) -> None:
    """Every page but the live one, in the four views."""
    views = [("en", REVIEWED, "light"), ("zh", REVIEWED, "dark")]
    views += [("zh", PHONE, "light"), ("en", PHONE, "dark")]
    async with scene() as (url, person, suite, _):
        suite.sessions = [past_call()]
        suite.timelines = {"call-0": past_timeline()}
        paths = [page.path.replace("{session_id}", "call-0") for page in PAGES if page.path != "/"]
        for path, (language, size, scheme) in itertools.product(paths, views):
            page = await open_page(
                browser, f"{url}{path}?lang={language}", person, viewport=size, color_scheme=scheme
            )
            await page.wait_for_timeout(800)
            name = path.strip("/").partition("/")[0]
            picture = review / f"{name}-{language}-{size['width']}-{scheme}.png"
            await page.screenshot(path=picture, full_page=True)
            await page.context.close()


async def empty(browser: Browser, review: Path) -> None:
    """The page of a fresh installation."""
    async with scene(busy=False) as (url, person, _, _):
        page = await open_page(browser, url, person, viewport=WIDE)
        await page.wait_for_timeout(500)
        await page.screenshot(path=review / "console-empty.png")
        await page.context.close()


def main() -> None:
    """Parse the command line and take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--review", type=Path, help="folder for further views")
    review: Path | None = parser.parse_args().review
    for folder in filter(None, (OUTPUT, review)):
        folder.mkdir(parents=True, exist_ok=True)
    path = chromium_path()
    if path is None:
        raise SystemExit("chromium is not installed: apt-get install chromium")
    with TemporaryDirectory() as folder_name:
        recording = Path(folder_name, "complaint-2026-01-04.wav")
        write_wav(recording, speech_like_pcm(34))
        asyncio.run(take(path, recording, review))
    for picture in OUTPUT.glob("console-*.png"):
        shrink(picture)


def shrink(picture: Path) -> None:
    """Pack a picture again: flat areas and text are smaller without PNG's prediction filters."""
    packed = picture.with_suffix(".packed.png")
    ffmpeg = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
    options = ["-pred", "none", "-compression_level", "9", "-update", "1"]
    command = [ffmpeg, "-v", "error", "-y", "-i", str(picture), *options, str(packed)]
    subprocess.run(command, check=True)  # noqa: S603 - our own argument list
    packed.replace(picture)


async def take(chromium: str, recording: Path, review: Path | None) -> None:
    """Start the browser and take all pictures."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        await pictures(browser, recording, review)
        await browser.close()


if __name__ == "__main__":
    main()
