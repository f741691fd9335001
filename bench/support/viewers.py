"""People who look at the console: pages in a real Chromium, and readers of its event stream."""

import asyncio
import json
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from playwright.async_api import Browser, BrowserContext, CDPSession, Page, async_playwright

from tonewatch.shared.http import AsyncClient

CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
WATCH = """
const Real = window.EventSource;
window.visibleMs = [];
window.EventSource = class extends Real {
  constructor(...given) {
    super(...given);
    this.addEventListener("score", (event) => {
      const at = Date.parse(JSON.parse(event.data).scored_at);
      const note = () => window.visibleMs.push(Date.now() - at);
      requestAnimationFrame(() => requestAnimationFrame(note));
    });
  }
};
"""
"""From the moment in the score to the frame after the one in which the page draws it."""

FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
CARD = "article.card"


@dataclass
class Opened:
    """A page that has just been opened: what it asked the API, what it cost."""

    page: Page
    devtools: CDPSession
    asked: list[str] = field(default_factory=list)
    transferred: list[float] = field(default_factory=list)

    @property
    def kilobytes(self) -> float:
        """All that came over the network, heads included."""
        return sum(self.transferred) / 1024

    async def first_paint_ms(self) -> float | None:
        """First contentful paint."""
        found: float | None = await self.page.evaluate(FIRST_PAINT)
        return found

    async def heap_mb(self) -> float:
        """What the page's scripts hold, garbage aside."""
        await self.devtools.send("HeapProfiler.collectGarbage")
        metrics = (await self.devtools.send("Performance.getMetrics"))["metrics"]
        (used,) = (each["value"] for each in metrics if each["name"] == "JSHeapUsedSize")
        return float(used) / 2**20

    async def visible_ms(self) -> list[float]:
        """How long scores took to be seen, since this was last asked."""
        found: list[float] = await self.page.evaluate("window.visibleMs.splice(0)")
        return found


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """The system's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise SystemExit("this needs Chromium: apt-get install chromium")
    async with async_playwright() as playwright:
        made = await playwright.chromium.launch(executable_path=path, args=CHROMIUM)
        yield made
        await made.close()


async def open_page(context: BrowserContext, path: str, shows: str = "main") -> Opened:
    """Open a page with an empty cache and wait until it shows something."""
    page = await context.new_page()
    devtools = await context.new_cdp_session(page)
    opened = Opened(page, devtools)

    def on_finished(event: dict[str, Any]) -> None:
        opened.transferred.append(float(event["encodedDataLength"]))

    devtools.on("Network.loadingFinished", on_finished)
    page.on("request", lambda request: opened.asked.append(request.url))
    await devtools.send("Network.enable")
    await devtools.send("Performance.enable")
    await page.add_init_script(WATCH)
    await page.goto(path)
    await page.wait_for_selector(shows)
    return opened


@dataclass
class Readers:
    """Readers of the event stream, which only look at the clock."""

    late_ms: list[float] = field(default_factory=list)

    async def read(self, client: AsyncClient) -> None:
        """Read until cancelled."""
        async with client.stream("GET", "/api/v1/events", timeout=30) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line.startswith("data: ") and '"scored_at"' in line:
                    at = datetime.fromisoformat(json.loads(line[6:])["scored_at"])
                    self.late_ms.append(1000 * (time.time() - at.timestamp()))


@asynccontextmanager
async def reading(client: AsyncClient, count: int) -> AsyncIterator[Readers]:
    """So many readers at once."""
    readers = Readers()
    async with AsyncExitStack() as ending:
        tasks = [asyncio.create_task(readers.read(client)) for _ in range(count)]

        async def end() -> None:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        ending.push_async_callback(end)
        yield readers
        failed = [task.exception() for task in tasks if task.done()]
        if failed:
            raise RuntimeError(f"{len(failed)} readers ended early: {failed[0]!r}")
