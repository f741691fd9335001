"""How a process becomes a replica: its name, its membership, and a spool of its own."""

import shutil
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

from tonewatch.ingest.settings import IngestSettings
from tonewatch.shared import leases
from tonewatch.shared.leases import Membership
from tonewatch.shared.logging import get_logger

GROUP: Final = "ingest"
OLD_SPOOL_SECONDS: Final = 24 * 3600.0

log = get_logger(__name__)


def join(settings: IngestSettings) -> Membership:
    """A member of the replicas of ingest."""
    membership = leases.join(
        settings.redis, GROUP, timedelta(seconds=settings.ingest.lease_seconds)
    )
    log.info("shares the sources with other replicas", replica=membership.member)
    return membership


def clear_old_spools(spool_dir: Path) -> None:
    """Remove what killed replicas left; where one folder serves several, it may be in use."""
    for left in spool_dir.glob("*/"):
        if time.time() - left.stat().st_mtime > OLD_SPOOL_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
