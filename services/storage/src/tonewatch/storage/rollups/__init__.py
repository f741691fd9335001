"""Sums, segments and utterances that are maintained as seconds arrive, so that nobody counts them.

A pass takes the records since the last one (by id) and adds them in one transaction, which also
moves the position: each record counts once, whatever is killed when. It runs every few seconds
rather than with each batch, because a pass costs by track and hour, not by second.
"""

from tonewatch.storage.rollups._passes import Rollups
from tonewatch.storage.rollups._verdicts import count_verdict

__all__ = ["Rollups", "count_verdict"]
