"""Several replicas of ingest share the sources: each runs those whose lease it holds."""

from tonewatch.ingest.sharing.cancels import Cancels
from tonewatch.ingest.sharing.gate import gated
from tonewatch.ingest.sharing.heirs import Heirs
from tonewatch.ingest.sharing.joining import clear_old_spools, join
from tonewatch.ingest.sharing.sharing import Sharing

__all__ = ["Cancels", "Heirs", "Sharing", "clear_old_spools", "gated", "join"]
