"""The minimal pipeline that FastStream's own idioms give, to compare with; see pipeline.py.

    python bench/faststream_consumers.py ROLE REDIS_URL SQLITE_PATH WEBHOOK_URL

Roles: `inference` reads frames (32 KB of PCM each), runs the fake engine on each, and publishes a
score; `alerting` reads scores, counts angry seconds, and publishes an alert and posts it;
`storage` reads scores in batches and inserts them into SQLite, one commit per batch. Each
acknowledges after its work, as FastStream does by default. There are no windows, no transaction
between result and acknowledgement, no claims, no order and no dead letters.
"""

import asyncio
import json
import logging
import sqlite3
import sys
from collections import Counter
from datetime import UTC, datetime

import httpx
import numpy as np
from faststream import FastStream
from faststream.redis import RedisBroker, StreamSub
from faststream.redis.annotations import RedisStreamMessage

from tonewatch.inference.engines.fake import FakeEngine
from tonewatch.shared.emotions import EMOTIONS

role, redis_url, sqlite_path, webhook_url = sys.argv[1:5]
broker = RedisBroker(redis_url)
logging.disable(logging.INFO)  # a line per message would be measured, too
app = FastStream(broker)


def sub(stream: str, *, batch: bool = False) -> StreamSub:
    """A consumer of a group, reading up to 100 messages at a time."""
    return StreamSub(
        stream, group=role, consumer=role, batch=batch, max_records=100, polling_interval=100
    )


def add_inference() -> None:
    """Frames in, scores out."""
    engine = FakeEngine()

    @broker.subscriber(stream=sub("frames"))
    async def score(body: bytes, message: RedisStreamMessage) -> None:
        header = json.loads(message.headers["frame"])
        window = np.frombuffer(body, dtype="<i2").astype(np.float32) / np.float32(32768)
        (answer,) = engine.score([window])
        best = int(np.argmax(answer.probabilities))
        await broker.publish(
            {
                "session_id": header["session_id"],
                "seq": header["seq"],
                "captured_at": header["captured_at"],
                "emotion": str(EMOTIONS[best]),
                "confidence": float(answer.probabilities[best]),
                "probabilities": [float(value) for value in answer.probabilities],
                "steps": answer.steps.tolist(),
                "scored_at": datetime.now(UTC).isoformat(),
            },
            stream="scores",
        )


def add_alerting() -> None:
    """Scores in; an alert after two angry seconds."""
    run: Counter[str] = Counter()
    client = httpx.AsyncClient()

    @broker.subscriber(stream=sub("scores"))
    async def evaluate(score: dict[str, object]) -> None:
        session = str(score["session_id"])
        probabilities = score["probabilities"]
        angry = isinstance(probabilities, list) and probabilities[0] > 0.75
        run[session] = run[session] + 1 if angry else 0
        if run[session] == 2:
            await broker.publish({"session_id": session, "seq": score["seq"]}, stream="alerts")
            await client.post(webhook_url, json={"session_id": session})


def add_storage() -> None:
    """Scores in, rows out."""
    connection = sqlite3.connect(sqlite_path, check_same_thread=False)
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "CREATE TABLE IF NOT EXISTS emotion_records (id INTEGER PRIMARY KEY, session_id TEXT, "
        "seq INT, timestamp TEXT, emotion TEXT, confidence REAL, probabilities TEXT, steps TEXT, "
        "UNIQUE (session_id, seq))"
    )

    def insert(scores: list[dict[str, object]]) -> None:
        with connection:
            connection.executemany(
                "INSERT OR IGNORE INTO emotion_records "
                "(session_id, seq, timestamp, emotion, confidence, probabilities, steps) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        s["session_id"], s["seq"], s["captured_at"], s["emotion"],
                        s["confidence"], json.dumps(s["probabilities"]), json.dumps(s["steps"]),
                    )
                    for s in scores
                ],
            )  # fmt: skip

    @broker.subscriber(stream=sub("scores", batch=True))
    async def store(scores: list[dict[str, object]]) -> None:
        await asyncio.to_thread(insert, scores)


if __name__ == "__main__":
    {"inference": add_inference, "alerting": add_alerting, "storage": add_storage}[role]()
    asyncio.run(app.run())
