"""The one place that builds a Redis client.

redis-py's defaults (5 s socket timeout, ten silent retries, each of which re-sends a blocking read)
let a health check hang for many seconds on a silent network; every knob is set here.
"""

from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel, Field, SecretStr
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

SOCKET_TIMEOUT: Final = timedelta(seconds=4)
MAX_BLOCK: Final = timedelta(seconds=2)
"""Longest blocking read. A BLOCK near the socket timeout would be cut off and silently re-sent."""


class RedisOptions(BaseModel):
    """Where Redis (7.0 or newer) or Valkey (7.2 or newer) is."""

    url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        description="redis://, rediss:// or unix:// URL; may carry a password",
    )
    cluster: bool = Field(default=False, description="Set when the URL names a Redis Cluster node")


def create_redis(options: RedisOptions, client_name: str) -> Redis | RedisCluster:
    """A client whose connections are named after the process, for CLIENT LIST."""
    if MAX_BLOCK > SOCKET_TIMEOUT / 2:  # pragma: no cover - guards an edit of the constants
        raise ValueError("MAX_BLOCK must not exceed half of SOCKET_TIMEOUT")
    common: dict[str, Any] = {
        "client_name": client_name,
        "socket_timeout": SOCKET_TIMEOUT.total_seconds(),
        "socket_connect_timeout": 2.0,
        "health_check_interval": 15,
        "decode_responses": False,
    }
    url = options.url.get_secret_value()
    if not url.startswith("unix:"):
        common["socket_keepalive"] = True
    if options.cluster:
        return RedisCluster.from_url(url, **common)
    # No silent retries: a round of XADD that is sent twice because its answer was lost would double
    # frames. Outages are the service loops' business, which try again and say so in /ready.
    return Redis.from_url(url, retry=Retry(NoBackoff(), retries=0), **common)
