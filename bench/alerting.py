"""What 1,000 live calls under 20 rules cost the alerting service; how soon it decides and tells.

The real service on a real Redis; this process publishes scores as inference does (each with its
fine steps) and receives the webhooks. The time of a decision is from the score's stream entry to
the alert's, both dated by Redis; webhooks are those of an urgent rule, for others wait a little to
be told together. Then the engine runs the same rules over a million stored seconds.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from support import stack
from support.figures import arguments, percentile, report
from support.procfs import cpu_seconds, memory_mb
from support.receiver import Receiver, declared
from support.rules import LABELS, Calls, history, twenty_rules
from tonewatch.alerting.engine import Call, Timing, compile_rules, replay
from tonewatch.alerting.rules import parse_rules
from tonewatch.shared.broker import Outgoing, RedisBroker
from tonewatch.shared.broker.codec import decode
from tonewatch.shared.messages import Alert, AlertState, Priority, Score, Track
from tonewatch.shared.redis_client import RedisOptions, create_redis
from tonewatch.shared.streams import ALERTS, STREAMS

PARTITIONS = 16
CALLS = 1000
TICK_SECONDS = 0.02
WARM_SECONDS = 3

Second = tuple[str, int]
"""Session and number."""


@dataclass
class Live:
    """What was seen of the live load; times in milliseconds."""

    core_share: float = 0.0
    rss_mb: float = 0.0
    decision_ms: list[float] = field(default_factory=list)
    webhook_ms: list[float] = field(default_factory=list)


async def publish(broker: RedisBroker, seconds: int) -> dict[Second, float]:
    """A score per call and second, evenly; answers when each was published, by Redis's clock."""
    calls, sent, published = Calls(CALLS), 0, {}
    started = time.monotonic()
    while sent < CALLS * seconds:
        due = min(CALLS * seconds, int((time.monotonic() - started) * CALLS))
        batch: Sequence[Outgoing] = [calls.score(number) for number in range(sent, due)]
        for outgoing, entry_id in zip(batch, await broker.publish(batch), strict=True):
            message = outgoing.message
            if isinstance(message, Score):
                published[message.session_id, message.seq] = float(entry_id.partition("-")[0])
        sent = due
        await asyncio.sleep(TICK_SECONDS)
    return published


async def live(seconds: int) -> Live:
    """The load for so long, on a service of its own."""
    receiver, found = Receiver(), Live()
    async with receiver.listening():
        with stack.scratch() as folder, stack.redis(folder) as redis_url:
            rules = folder / "rules.yaml"
            rules.write_text(twenty_rules())
            broker = RedisBroker(
                create_redis(RedisOptions(url=redis_url), "bench"), partitions=PARTITIONS
            )
            await broker.setup(STREAMS)
            async with stack.service_process(
                "alerting",
                folder,
                redis_url,
                rules_file=str(rules),
                webhooks=declared(receiver.url),
                egress='{"allow": ["127.0.0.0/8"]}',
            ) as (_, process):
                publishing = asyncio.create_task(publish(broker, seconds + WARM_SECONDS))
                await asyncio.sleep(WARM_SECONDS)
                began, used = time.monotonic(), cpu_seconds(process.pid)
                published = await publishing
                spent = cpu_seconds(process.pid) - used
                found.core_share = spent / (time.monotonic() - began)
                found.rss_mb = memory_mb(process.pid)
                arrived = list(receiver.arrived)
                await receiver.until_quiet()
            found.decision_ms = await decisions(broker, published)
            found.webhook_ms = told(arrived, published)
            await broker.close()
    return found


async def decisions(broker: RedisBroker, published: Mapping[Second, float]) -> list[float]:
    """From each score that made an alert fire to that alert."""
    entries = await broker.tail(
        ALERTS, dict.fromkeys(range(PARTITIONS), "0-0"), count=100_000, block=None
    )
    latencies = []
    for seen in entries:
        alert = decode(ALERTS, seen.entry)
        if not isinstance(alert, Alert) or alert.state is not AlertState.FIRING:
            continue
        score = published.get((alert.session_id, alert.last_seq))
        if score is not None and alert.last_seq >= WARM_SECONDS:
            latencies.append(seen.entry.published_ms - score)
    return latencies


def told(
    arrived: Sequence[tuple[float, dict[str, object]]], published: Mapping[Second, float]
) -> list[float]:
    """From each score that made an alert fire to its webhook."""
    latencies = []
    for moment, body in arrived:
        data = body.get("data")
        if not isinstance(data, dict) or body.get("type") != "alert.firing":
            continue
        if data["priority"] != Priority.HIGH:  # less urgent ones wait for others of their call
            continue
        second = str(data["session_id"]), int(data["last_seq"])
        if second in published and second[1] >= WARM_SECONDS:
            latencies.append(1000 * moment - published[second])
    return latencies


def backtest(seconds: int) -> tuple[float, int]:
    """Processor time of the rules over so many stored seconds, and how many alerts there were."""
    rules = compile_rules(parse_rules(twenty_rules().encode(), "rules.yaml").rules)
    stored = history(seconds)
    began = time.process_time()
    said = replay(rules, Track(session_id="history"), stored, Timing(), Call("line", LABELS))
    return time.process_time() - began, sum(each.state is AlertState.FIRING for each in said)


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "")
    seconds, stored = (12, 200_000) if options.quick else (40, 1_000_000)
    found = asyncio.run(live(seconds))
    backtest_s, alerts = backtest(stored)
    figures = {
        "core_share": found.core_share,
        "rss_mb": found.rss_mb,
        "decision_p95_ms": percentile(found.decision_ms, 0.95),
        "webhook_p95_ms": percentile(found.webhook_ms, 0.95),
        "backtest_s": backtest_s * 1_000_000 / stored,
    }
    rows = [
        (f"{CALLS} calls, 20 rules, 10 steps/s", f"{timedelta(seconds=seconds)} after warm-up"),
        ("share of a core", f"{found.core_share:.2f}"),
        ("memory", f"{found.rss_mb:.0f} MB"),
        ("alerts decided, webhooks", f"{len(found.decision_ms)}, {len(found.webhook_ms)}"),
        ("score to alert, p50, p95", shown(found.decision_ms)),
        ("score to webhook, p50, p95", shown(found.webhook_ms)),
        (
            "a million stored seconds",
            f"{figures['backtest_s']:.1f} s ({alerts} alerts in {stored})",
        ),
    ]
    report(rows, figures, options.json)


def shown(latencies: Sequence[float]) -> str:
    """Two percentiles, in words."""
    p50, p95 = percentile(latencies, 0.5), percentile(latencies, 0.95)
    return "not seen" if p50 is None else f"{p50:.0f} ms, {p95:.0f} ms"


if __name__ == "__main__":
    main()
