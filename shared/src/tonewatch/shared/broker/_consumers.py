"""Names of consumers that are gone: removed from their groups, never with an entry in hand.

XGROUP DELCONSUMER drops what the consumer has pending, for good. Asked and deleted in two steps, an
entry delivered in between would be lost; so both happen in one Lua call.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

# KEYS[1] is the stream. ARGV: group; least idle time in ms; the one consumer meant, or ''.
FORGET_LUA: Final = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local answer = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if answer.err then return 0 end
local gone = 0
for _, fields in ipairs(answer) do
  local consumer = {}
  for i = 1, #fields, 2 do consumer[fields[i]] = fields[i + 1] end
  local meant = ARGV[3] == '' or ARGV[3] == consumer['name']
  if meant and consumer['pending'] == 0 and consumer['idle'] >= tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer['name'])
    gone = gone + 1
  end
end
return gone
"""


async def forget(
    script: Any, keys: Sequence[str], group: str, *, idle: timedelta, consumer: str = ""
) -> int:
    """Remove consumers with nothing pending that were silent for so long; returns how many."""
    idle_ms = int(idle.total_seconds() * 1000)
    gone = 0
    for key in keys:
        gone += int(await script(keys=[key], args=[group, idle_ms, consumer]))
    return gone
