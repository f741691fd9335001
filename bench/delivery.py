"""How many deliveries a second reach a fast receiver, and what one that hangs costs the others.

The outbox is an SQLite file; the sender is the service's own, in this process; receivers are a
process of their own. First a backlog of deliveries is sent as fast as it goes. Then deliveries come
evenly to several receivers, in turns with and without one more that accepts requests and never
answers: `hang_effect` is the ratio of the others' p95 latencies, less one.
"""

import asyncio
import base64
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from support import stack
from support.figures import arguments, percentile, report
from tonewatch.alerting.delivery.database import database_over
from tonewatch.alerting.delivery.health import Health
from tonewatch.alerting.delivery.log import DeliveryLog
from tonewatch.alerting.delivery.outbox import Outbox
from tonewatch.alerting.delivery.payload import EventType
from tonewatch.alerting.delivery.post import Poster
from tonewatch.alerting.delivery.receivers import Receivers
from tonewatch.alerting.delivery.registry import Webhooks
from tonewatch.alerting.delivery.sender import Sender
from tonewatch.alerting.delivery.subscriptions import DeclaredWebhook
from tonewatch.alerting.delivery.values import delivery_values
from tonewatch.shared.database import create_engine, sqlite_url
from tonewatch.shared.egress import EgressPolicy
from tonewatch.shared.logging import configure
from tonewatch.shared.messages import Alert, AlertState, Priority
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.settings import LogOptions

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
LOOPBACK = EgressPolicy(allow=("127.0.0.0/8",))
FAST = 4
"""Receivers that answer, beside the one that hangs."""


def alert(number: int) -> Alert:
    """An alert as the engine publishes it."""
    now = datetime.now(UTC)
    return Alert(
        session_id=f"call-{number % 100}",
        source_id="bench",
        labels={"agent_id": str(number % 30), "queue": "after sales", "customer_tier": "VIP"},
        alert_id=f"alert-{number}",
        state=AlertState.FIRING,
        rule="angry",
        priority=Priority.HIGH,
        channels=("webhook",),
        emotions=("angry",),
        value=0.9,
        threshold=0.75,
        first_seq=3,
        last_seq=4,
        started_at=now,
        at=now,
        decided_at=now,
        message="angry: angry 0.90 > 0.75 (2 s)",
    )


class Delivery:
    """The service's delivery, without the service."""

    def __init__(self, folder: Path) -> None:
        self.database = database_over(create_engine(sqlite_url(folder / "alerting.db")))
        self.webhooks = Webhooks(self.database, LOOPBACK)
        self.poster = Poster(LOOPBACK, timeout_seconds=15)
        self.receivers = Receivers(self.webhooks, self.poster, {})
        self.outbox = Outbox(self.database, "bench")
        health = Health(
            self.outbox, self.webhooks, self.receivers, failing_days=5, operator_channels=()
        )
        self.sender = Sender(
            self.outbox,
            DeliveryLog(self.database),
            self.receivers,
            health,
            Metrics(),
            at_once=256,
            per_receiver=16,
            log_days=30,
        )

    async def open(self, urls: dict[str, str]) -> None:
        """Bring up the schema and the subscriptions."""
        await self.database.prepare()
        await self.webhooks.declare(
            [DeclaredWebhook(name=name, url=url, secret=SECRET) for name, url in urls.items()]
        )
        await self.receivers.refresh()

    async def add(self, numbers: range, names: set[str] | None = None) -> None:
        """One delivery of each alert to each receiver (of these names)."""
        rows: list[dict[str, Any]] = []
        for number in numbers:
            told = alert(number)
            rows += [
                delivery_values(told, EventType.ALERT_FIRING, receiver, notice="firing")
                for receiver in self.receivers.for_alert(told, EventType.ALERT_FIRING)
                if names is None or receiver.name in names
            ]
        await self.outbox.add(rows)
        self.sender.wake()

    @asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """The sender at work."""
        stop = asyncio.Event()
        task = asyncio.create_task(self.sender.send_due(stop))
        try:
            yield
        finally:
            stop.set()
            self.sender.wake()
            with suppress(TimeoutError):  # what hangs is cut off
                await asyncio.wait_for(task, 3)
            await self.poster.close()
            await self.database.close()

    async def until_told(self, limit_seconds: float, left: int = 0) -> None:
        """Wait until at most so many deliveries wait."""
        async with asyncio.timeout(limit_seconds):
            while await self.outbox.waiting() > left:  # noqa: ASYNC110 - the sender's own pace
                await asyncio.sleep(0.02)


async def throughput(folder: Path, url: str, count: int) -> tuple[float, float]:
    """Deliveries per second from a backlog, and the CPU seconds of this process for each."""
    delivery = Delivery(folder)
    await delivery.open({"fast": url})
    for first in range(0, count, 500):
        await delivery.add(range(first, first + 500))
    started, cpu = time.monotonic(), time.process_time()
    async with delivery.sending():
        await delivery.until_told(300)
        seconds = time.monotonic() - started
        spent = time.process_time() - cpu
    return count / seconds, spent / count


async def steady(folder: Path, urls: dict[str, str], *, rate: int, seconds: int) -> None:
    """Deliveries to all receivers at an even rate, as long as given."""
    delivery = Delivery(folder)
    await delivery.open(urls)
    fast = len([name for name in urls if name.startswith("fast")])
    async with delivery.sending():
        started = time.monotonic()
        for number in range(rate * seconds // fast):
            await delivery.add(range(number, number + 1))
            pause = started + (number + 1) * fast / rate - time.monotonic()
            await asyncio.sleep(max(0, pause))
        await asyncio.sleep(0.5)


class Sink:
    """Servers in a process of their own: they note how old each message is when it comes."""

    def __init__(
        self, asking: asyncio.StreamWriter, answers: asyncio.StreamReader, ports: list[int]
    ) -> None:
        self._asking = asking
        self._answers = answers
        self.ports = ports

    def url(self, number: int) -> str:
        """Where server `number` listens; the last never answers."""
        return f"http://127.0.0.1:{self.ports[number]}/hook"

    async def ages(self) -> list[float]:
        """Milliseconds from decision to arrival of all that came since the last call."""
        self._asking.write(b"\n")
        ages: list[float] = json.loads(await self._answers.readline())
        return ages


@asynccontextmanager
async def sink() -> AsyncIterator[Sink]:
    """Start the servers."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).parent / "support" / "sink.py"),
        str(FAST),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )
    asking, answers = running.stdin, running.stdout
    if asking is None or answers is None:
        raise RuntimeError("the servers have no pipes")
    try:
        yield Sink(asking, answers, json.loads(await answers.readline()))
    finally:
        running.terminate()
        await running.wait()


async def hang_effect(
    folder: Path, servers: Sink, rounds: int, seconds: int
) -> tuple[float, float]:
    """The others' p95 in milliseconds without and with a receiver that hangs, in turns."""
    fast = {f"fast-{number}": servers.url(number) for number in range(FAST)}
    ages: dict[bool, list[float]] = {False: [], True: []}
    for number in range(2 * rounds):
        hangs = number % 2 == 1
        urls = fast | ({"hanging": servers.url(FAST)} if hangs else {})
        await steady(folder / f"steady-{number}", urls, rate=100, seconds=seconds)
        ages[hangs] += await servers.ages()
    calm, hung = (percentile(ages[hangs], 0.95) for hangs in (False, True))
    if calm is None or hung is None:
        raise RuntimeError("nothing arrived")
    return calm, hung


async def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "")
    configure(LogOptions(level="warning"), "bench")
    count, rounds, seconds = (3000, 2, 5) if options.quick else (10_000, 3, 15)
    with stack.scratch() as folder:
        async with sink() as servers:
            await throughput(folder / "warm", servers.url(0), 500)
            rate, cost = await throughput(folder / "backlog", servers.url(0), count)
            await servers.ages()
            calm, hung = await hang_effect(folder, servers, rounds, seconds)
    figures = {
        "deliveries_per_second": rate,
        "cpu_ms_per_delivery": 1000 * cost,
        "calm_p95_ms": calm,
        "hang_p95_ms": hung,
        "hang_effect": hung / calm - 1,
    }
    rows = [
        ("deliveries per second, from a backlog", f"{rate:.0f}"),
        ("CPU time of each", f"{1000 * cost:.2f} ms"),
        ("p95, all receivers answer", f"{calm:.1f} ms"),
        ("p95 of the others, one hangs", f"{hung:.1f} ms"),
        ("difference", f"{100 * figures['hang_effect']:+.0f} %"),
    ]
    report(rows, figures, options.json)


if __name__ == "__main__":
    asyncio.run(main())
