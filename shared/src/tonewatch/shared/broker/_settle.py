"""Settling: the one atomic step that publishes results and acknowledges their input.

DESIGN of the step: XACK answers 1 only to the first consumer that acknowledges an entry. Everything
else of an outcome happens behind that answer, in one Lua call, which Redis runs (and persists)
atomically. So a worker that was slow, was taken for dead and comes back cannot publish a second
score, which a plain MULTI (XADD, XACK) would let it do.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Final

from tonewatch.shared.broker._model import Outcome
from tonewatch.shared.broker.codec import dead_fields, encode, flatten
from tonewatch.shared.streams import DEAD, partition_key

# KEYS[1] is the stream that is acknowledged. ARGV: group; number of outcomes that do no more than
# acknowledge, the entry id of each; number of the others, then of each:
# entry id; number of messages, each as key index, number of arguments, arguments of XADD;
# number of state writes, each as key index, lifetime in ms (0 deletes), value.
SETTLE_LUA: Final = """
local at = 2
local function take()
  at = at + 1
  return ARGV[at - 1]
end
local done = {}
for i = 1, tonumber(take()) do done[i] = redis.call('XACK', KEYS[1], ARGV[1], take()) end
for _ = 1, tonumber(take()) do
  local first = redis.call('XACK', KEYS[1], ARGV[1], take()) == 1
  for _ = 1, tonumber(take()) do
    local key = KEYS[tonumber(take())]
    local n = tonumber(take())
    if first then redis.call('XADD', key, '*', unpack(ARGV, at, at + n - 1)) end
    at = at + n
  end
  for _ = 1, tonumber(take()) do
    local key = KEYS[tonumber(take())]
    local ttl = tonumber(take())
    local value = take()
    if first then
      if ttl > 0 then redis.call('SET', key, value, 'PX', ttl) else redis.call('DEL', key) end
    end
  end
  done[#done + 1] = first and 1 or 0
end
return done
"""

Group = tuple[str, int, str]
"""Stream name, partition and consumer group: what one atomic step may span."""


def by_group(outcomes: Sequence[Outcome]) -> dict[Group, list[int]]:
    """Indexes of the outcomes that can be settled in one step, the bare ones first."""
    groups: dict[Group, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for index, outcome in enumerate(outcomes):
        delivery = outcome.delivery
        bare, others = groups[delivery.stream.name, delivery.partition, delivery.group]
        (bare if _is_bare(outcome) else others).append(index)
    return {group: bare + others for group, (bare, others) in groups.items()}


def _is_bare(outcome: Outcome) -> bool:
    """Whether it does no more than acknowledge, like all that is only stored."""
    return not (outcome.publish or outcome.state or outcome.dead is not None)


def additions(outcome: Outcome) -> list[tuple[str, dict[str, bytes]]]:
    """The entries that an outcome adds: its messages, and a dead letter if it failed.

    Returns pairs of Redis key and fields; all keys are of the delivery's partition.
    """
    delivery = outcome.delivery
    added = [(out.stream.key(delivery.partition), encode(out)) for out in outcome.publish]
    if outcome.dead is not None:
        fields = dead_fields(
            delivery.entry,
            stream=delivery.stream.name,
            group=delivery.group,
            deliveries=delivery.deliveries,
            error=outcome.dead,
        )
        added.append((DEAD.key(delivery.partition), fields))
    return added


def state_key(partition: int, name: str) -> str:
    """Where a state value lies: in the slot of the partition's streams, to be written with them."""
    return partition_key(partition, f"state:{name}")


def script_call(outcomes: Sequence[Outcome]) -> tuple[list[str], list[Any]]:
    """KEYS and ARGV of the script for outcomes of one group, the bare ones first."""
    delivery = outcomes[0].delivery
    keys = {delivery.stream.key(delivery.partition): 1}

    def index(key: str) -> int:
        return keys.setdefault(key, len(keys) + 1)

    bare = list(takewhile(_is_bare, outcomes))
    ids = [outcome.delivery.entry.entry_id for outcome in bare]
    arguments: list[Any] = [delivery.group, len(ids), *ids, len(outcomes) - len(ids)]
    for outcome in outcomes[len(ids) :]:
        added = additions(outcome)
        arguments += [outcome.delivery.entry.entry_id, len(added)]
        for key, fields in added:
            flat = flatten(fields)
            arguments += [index(key), len(flat), *flat]
        arguments.append(len(outcome.state))
        for write in outcome.state:
            ttl_ms = 0 if write.value is None else max(1, int(write.ttl.total_seconds() * 1000))
            arguments += [
                index(state_key(delivery.partition, write.name)),
                ttl_ms,
                write.value or b"",
            ]
    return list(keys), arguments
