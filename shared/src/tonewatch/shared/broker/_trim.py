"""Trimming that cannot lose anything, and how far the groups are.

`XADD MAXLEN` deletes undelivered and pending entries, and Redis 7.0 has no command that spares
them. So a stream is cut (XTRIM MINID) at the least of: each group's oldest pending entry, the entry
after each group's last delivered one, and now; less the retention. The retention counts from the
first entry that is still needed, not from now, for that entry may need those before it: the windows
of a recording that waits look back, too.
"""

from collections.abc import Iterable
from typing import Any

from tonewatch.shared.broker._model import GroupState
from tonewatch.shared.streams import Stream

EntryId = tuple[int, int]


def parse_id(text: bytes | str) -> EntryId:
    """An entry id as a pair of numbers, which compare as the ids do."""
    milliseconds, _, sequence = (text.decode() if isinstance(text, bytes) else text).partition("-")
    return int(milliseconds), int(sequence or 0)


def format_id(entry_id: EntryId) -> str:
    """The inverse of `parse_id`."""
    return f"{entry_id[0]}-{entry_id[1]}"


async def trim(client: Any, stream: Stream, partitions: Iterable[int]) -> int:
    """Trim every partition; returns how many entries went."""
    now = (await server_time_ms(client), 0)
    removed = 0
    for partition in partitions:
        key = stream.key(partition)
        bound = await _safe_bound(client, stream, partition)
        if bound is None:
            continue
        is_short = stream.keep_entries > 0 and await client.xlen(key) <= stream.keep_entries
        cut = format_id(cut_at(stream, min(bound, now), is_short=is_short))
        removed += await client.xtrim(key, minid=cut, approximate=False)
    return removed


def cut_at(stream: Stream, needed_from: EntryId, *, is_short: bool) -> EntryId:
    """Where a stream is cut if everything from `needed_from` on is still needed."""
    kept = stream.keep_short if is_short else stream.retention
    milliseconds, sequence = needed_from
    return (max(0, milliseconds - int(kept.total_seconds() * 1000)), sequence)


async def server_time_ms(client: Any) -> int:
    """The server's clock, by which it makes entry ids: milliseconds since 1970."""
    answer = await client.time()
    if isinstance(answer, dict):  # a cluster answers node by node
        answer = min(answer.values())
    return int(answer[0]) * 1000 + int(answer[1]) // 1000


async def _safe_bound(client: Any, stream: Stream, partition: int) -> EntryId | None:
    """The first id that some group may still need; None if a group is missing or the stream is.

    XINFO GROUPS answers pending count and last delivered id together. Asked separately, an entry
    delivered between the two questions would be neither pending nor ahead, and lost.
    """
    if not stream.groups:
        return (2**63, 0)
    key = stream.key(partition)
    if not await client.exists(key):
        return None
    groups = {group["name"].decode(): group for group in await client.xinfo_groups(key)}
    if any(name not in groups for name in stream.groups):
        return None
    bounds = []
    for name in stream.groups:
        milliseconds, sequence = parse_id(groups[name]["last-delivered-id"])
        bounds.append((milliseconds, sequence + 1))
        if groups[name]["pending"]:
            summary = await client.xpending(key, name)
            if summary["pending"]:
                bounds.append(parse_id(summary["min"]))
    return min(bounds)


async def group_states(client: Any, stream: Stream, partitions: Iterable[int]) -> list[GroupState]:
    """Pending count and age of the oldest unsettled entry, by partition and group."""
    states = []
    for partition in partitions:
        key = stream.key(partition)
        if not await client.exists(key):
            continue
        for group in await client.xinfo_groups(key):
            name = group["name"].decode()
            oldest = await _oldest_unsettled_ms(client, key, name, group)
            states.append(GroupState(partition, name, group["pending"], oldest))
    return states


async def _oldest_unsettled_ms(client: Any, key: str, name: str, group: Any) -> int | None:
    if group["pending"]:
        summary = await client.xpending(key, name)
        if summary["pending"]:
            return parse_id(summary["min"])[0]
    milliseconds, sequence = parse_id(group["last-delivered-id"])
    waiting = await client.xrange(key, min=format_id((milliseconds, sequence + 1)), count=1)
    return parse_id(waiting[0][0])[0] if waiting else None
