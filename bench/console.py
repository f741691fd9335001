"""How soon a score is seen in a browser, and what the console's pages cost.

Console, storage, alerting and ingest run as processes of their own on one Redis; one more publishes
the scores of 200 live calls, spread over each second. Twenty people watch: two are pages in windows
of a real Chromium (the frame after the one in which the page draws counts as seen; a tab behind
another one would draw once a second), eighteen only read the event stream, for twenty browsers
would measure themselves. Then every page is opened, and it and
all that it asks of the API are asked again and again, over a month of stored calls.
"""

import asyncio
import itertools
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext

from support import stack
from support.archive import HOUR_CALL, fill
from support.figures import arguments, percentile, report
from support.seconds import seconds, sessions
from support.viewers import CARD, Opened, browser, open_page, reading
from tonewatch.console.auth import Door, Role
from tonewatch.console.auth.cookies import COOKIE
from tonewatch.console.auth.sessions import Visitor
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.database import sqlite_url
from tonewatch.shared.http import AsyncClient, create_client
from tonewatch.shared.messages import Score
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.shared.streams import SCORES, STREAMS
from tonewatch.storage.database import Database

CALLS = 200
SPREAD = 20
"""Calls whose seconds are published together, as a batch of inference is."""
BROWSERS, READERS = 2, 18
PAGES = ("/", "/alerts", "/history", f"/calls/{HOUR_CALL}", "/rules", "/webhooks", "/account")
ENDLESS = "/api/v1/events"


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    records: int
    watch_seconds: float
    settle_seconds: float
    memory_seconds: float
    rounds: int


FULL = Size(5_000_000, 60, 200, 600, 40)
"""Ribbons hold three minutes: before they are full, a page that keeps nothing else grows, too."""
QUICK = Size(15_000, 4, 1, 3, 2)


@dataclass
class Seen:
    """What was measured."""

    visible_ms: list[float] = field(default_factory=list)
    read_ms: list[float] = field(default_factory=list)
    page_ms: dict[str, list[float]] = field(default_factory=dict)
    live_page_kb: float = 0.0
    first_paint_ms: list[float] = field(default_factory=list)
    memory_growth_mb: float = 0.0


async def publish(redis_url: str) -> None:
    """Scores of all calls, stamped with the time at which they leave, until the process ends."""
    broker = RedisBroker(create_redis(RedisOptions(url=redis_url), "bench"), partitions=16)
    await broker.publish(list(sessions(CALLS, datetime.now(UTC))))
    # a minute of moods, over and over, with numbers that go on
    minute = [out.message for out in seconds(CALLS, 60)]
    clock = asyncio.get_running_loop().time
    due = clock()
    for number, first in enumerate(itertools.cycle(range(0, len(minute), SPREAD))):
        now = datetime.now(UTC)
        seq = number * SPREAD // CALLS
        batch = [stamped(each, seq, now) for each in minute[first : first + SPREAD]]
        await broker.publish(batch)
        due += SPREAD / CALLS
        await asyncio.sleep(max(0.0, due - clock()))


def stamped(message: object, seq: int, now: datetime) -> Outgoing:
    """A score as if it had been made just now."""
    assert isinstance(message, Score)  # noqa: S101 - the publisher makes nothing else
    times = {"captured_at": now, "published_at": now, "scored_at": now}
    place = {"seq": seq, "start_ms": 1000 * seq, "end_ms": 1000 * seq + 1000, "steps": 0}
    return Outgoing(SCORES, message.model_copy(update={**times, **place}))


@asynccontextmanager
async def suite(folder: Path, redis_url: str) -> AsyncIterator[str]:
    """All services but inference; yields the console's address."""
    database = sqlite_url(folder / "archive.db")
    async with (
        stack.service("storage", folder, redis_url, database_url=database) as storage,
        stack.service("alerting", folder, redis_url, storage_url=storage) as alerting,
        stack.service("ingest", folder, redis_url) as ingest,
        stack.service(
            "console",
            folder,
            redis_url,
            storage_url=storage,
            alerting_url=alerting,
            ingest_url=ingest,
        ) as console,
    ):
        yield console


async def cookie(folder: Path) -> str:
    """The session of an admin at the console that keeps its things in this folder."""
    door = Door(ConsoleSettings.model_validate({"data_dir": folder}))
    try:
        await door.database.prepare()
        account = await door.accounts.add("bench", Role.ADMIN, {}, None)
        token, _ = await door.sessions.open(account, Visitor("127.0.0.1", "bench"))
    finally:
        await door.database.close()
    return token


async def watch(windows: list[BrowserContext], client: AsyncClient, size: Size, seen: Seen) -> None:
    """A page in each window and all readers look on; then one page stays open."""
    pages = [await open_page(window, "/", CARD) for window in windows]
    seen.live_page_kb = max(page.kilobytes for page in pages)
    async with reading(client, READERS) as readers:
        await asyncio.sleep(size.settle_seconds)
        await asyncio.gather(*(page.visible_ms() for page in pages))
        readers.late_ms.clear()
        await asyncio.sleep(size.watch_seconds)
        for page in pages:
            seen.visible_ms += await page.visible_ms()
        seen.read_ms = readers.late_ms.copy()
        first = await pages[0].heap_mb()
        await asyncio.sleep(size.memory_seconds)
        seen.memory_growth_mb = await pages[0].heap_mb() - first
    for page in pages:
        await page.page.close()


async def look_around(
    context: BrowserContext, client: AsyncClient, rounds: int, seen: Seen
) -> None:
    """Open every page, and ask it and what it asked of the API again."""
    for path in PAGES:
        opened = await open_page(context, path)
        await asyncio.sleep(1)  # for what its scripts ask
        paint = await opened.first_paint_ms()
        if paint is not None:
            seen.first_paint_ms.append(paint)
        await opened.page.close()
        for asked in _asked(path, opened):
            seen.page_ms[f"{path} {asked}"] = [await _ask(client, asked) for _ in range(rounds)]


def _asked(path: str, opened: Opened) -> list[str]:
    """The page and what it wants of the API, each once, without the endless one."""
    found = {path}
    for url in opened.asked:
        parts = urlsplit(url)
        if parts.path.startswith("/api/") and parts.path != ENDLESS:
            found.add(f"{parts.path}?{parts.query}" if parts.query else parts.path)
    return sorted(found)


async def _ask(client: AsyncClient, path: str) -> float:
    started = time.perf_counter()
    answer = await client.get(path)
    elapsed = 1000 * (time.perf_counter() - started)
    if answer.status_code >= 500:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:200]}")
    return elapsed


async def measure(size: Size) -> Seen:
    """Fill, start, watch, look around."""
    seen = Seen()
    with stack.scratch() as folder, stack.redis(folder) as redis_url:
        database = Database(sqlite_url(folder / "archive.db"))
        await fill(database, size.records)
        await database.close()
        await RedisBroker(create_redis(RedisOptions(url=redis_url), "bench"), partitions=16).setup(
            STREAMS
        )
        token = await cookie(folder)
        publisher = [sys.executable, __file__, "--publish", redis_url]
        async with suite(folder, redis_url) as url, browser() as chromium:
            with stack.process(publisher, folder / "publish.log"):
                await _look(chromium, url, token, size, seen)
    return seen


async def _look(chromium: Browser, url: str, token: str, size: Size, seen: Seen) -> None:
    windows = [await _window(chromium, url, token) for _ in range(BROWSERS)]
    async with create_client(base_url=url) as client:
        client.cookies.set(COOKIE, token)
        await watch(windows, client, size, seen)
        await look_around(windows[0], client, size.rounds, seen)


async def _window(chromium: Browser, url: str, token: str) -> BrowserContext:
    """A window that has signed in."""
    context = await chromium.new_context(base_url=url, viewport={"width": 1280, "height": 900})
    await context.add_cookies([{"name": COOKIE, "value": token, "url": url}])
    return context


def table(seen: Seen) -> list[tuple[str, str]]:
    """For people; the slowest requests of the pages first."""
    slowest = sorted(seen.page_ms, key=lambda name: -_p95(seen.page_ms[name]))
    scores = len(seen.visible_ms)
    return [
        ("score -> seen in Chromium, p95", f"{_p95(seen.visible_ms):.0f} ms of {scores} scores"),
        ("score -> read from the stream, p95", f"{_p95(seen.read_ms):.0f} ms"),
        ("live page, all that is transferred", f"{seen.live_page_kb:.0f} KB"),
        ("first contentful paint, slowest page", f"{max(seen.first_paint_ms):.0f} ms"),
        ("live page, growth of memory", f"{seen.memory_growth_mb:.2f} MB"),
        *((f"p95 of {name}", f"{_p95(seen.page_ms[name]):.1f} ms") for name in slowest[:12]),
    ]


def _p95(values: list[float]) -> float:
    return percentile(values, 0.95) or 0.0


async def main() -> None:
    """Measure, and print the table."""
    if "--publish" in sys.argv:
        await publish(sys.argv[-1])
    options = arguments(__doc__ or "")
    seen = await measure(QUICK if options.quick else FULL)
    figures = {
        "visible_p95_ms": percentile(seen.visible_ms, 0.95),
        "read_p95_ms": percentile(seen.read_ms, 0.95),
        "page_p95_ms": max(map(_p95, seen.page_ms.values())),
        "live_page_kb": seen.live_page_kb,
        "first_paint_ms": max(seen.first_paint_ms),
        "page_memory_growth_mb": seen.memory_growth_mb,
    }
    report(table(seen), figures, options.json)


if __name__ == "__main__":
    asyncio.run(main())
