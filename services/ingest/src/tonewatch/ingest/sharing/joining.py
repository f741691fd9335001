"""How a process becomes a replica: its name, its membership, and a spool of its own."""

import shutil
import socket
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

from tonewatch.ingest.settings import IngestSettings
from tonewatch.shared.ids import new_id
from tonewatch.shared.leases import Membership, RedisLeases
from tonewatch.shared.logging import get_logger
from tonewatch.shared.redis_client import create_redis

GROUP: Final = "ingest"
HOST_CHARACTERS: Final = 64
ANSWER_SHARE: Final = 0.25
"""Of its life span a replica waits so much for one answer of Redis."""
OLD_SPOOL_SECONDS: Final = 24 * 3600.0

log = get_logger(__name__)


def join(settings: IngestSettings) -> Membership:
    """A member under a name that says where it runs, and that no process had before."""
    ttl = timedelta(seconds=settings.ingest.lease_seconds)
    client = create_redis(settings.redis, "tonewatch-ingest-leases")
    store = RedisLeases(client, GROUP, timeout=ttl * ANSWER_SHARE)
    name = f"{socket.gethostname()[:HOST_CHARACTERS]}-{new_id()[-8:]}"
    log.info("shares the sources with other replicas", replica=name)
    return Membership(store, name, ttl)


def clear_old_spools(spool_dir: Path) -> None:
    """Remove what killed replicas left; where one folder serves several, it may be in use."""
    for left in spool_dir.glob("*/"):
        if time.time() - left.stat().st_mtime > OLD_SPOOL_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
