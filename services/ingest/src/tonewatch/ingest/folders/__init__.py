"""Folders that a PBX drops recordings into: each file is taken in once, when it is complete.

Only what settings are made of is exported here: `watcher` builds on uploads, and these on settings.
"""

from tonewatch.ingest.folders.declared import After, WatchedFolder

__all__ = ["After", "WatchedFolder"]
