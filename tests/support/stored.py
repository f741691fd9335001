"""Messages as storage takes them, without a broker; and a look into its SQLite file."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from tonewatch.shared.broker import Delivery, Entry, Outgoing
from tonewatch.shared.broker.codec import encode
from tonewatch.shared.messages import Alert, Message, SessionEvent
from tonewatch.shared.streams import ALERTS, SCORES, SESSIONS, Stream
from tonewatch.storage.incoming import Item, item_of


def stream_of(message: Message) -> Stream:
    """The stream that carries the message."""
    if isinstance(message, Alert):
        return ALERTS
    return SESSIONS if isinstance(message, SessionEvent) else SCORES


def outgoing(message: Message, **blobs: bytes) -> Outgoing:
    """The message, ready to be published."""
    return Outgoing(stream_of(message), message, blobs)


def item(message: Message, **blobs: bytes) -> Item:
    """The message as if it had been delivered."""
    entry = Entry("1-0", encode(outgoing(message, **blobs)))
    return item_of(Delivery(stream_of(message), 0, "storage", entry))


def items(messages: Iterable[Message]) -> list[Item]:
    """Several of them."""
    return [item(message) for message in messages]


def sql(path: Path, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Rows of a query in the sqlite3 of the standard library, as an analyst would see them."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query, parameters).fetchall()
