"""Keeps the registry in step with the sources file, while running; a bad file changes nothing."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tonewatch.ingest.catalog import Catalog, Reloaded
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import ConfigurationError, ConflictError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.watching import FileWatch

log = get_logger(__name__)


@dataclass(slots=True)
class DeclaredState:
    """How the sources file was, when it was last read."""

    path: Path
    read_at: datetime = field(default_factory=utc_now)
    error: str | None = None


class Declaring:
    """Reads the sources file again whenever there is reason to."""

    def __init__(self, catalog: Catalog, path: Path, metrics: Metrics) -> None:
        self.state = DeclaredState(path)
        self._catalog = catalog
        self._watch = FileWatch(path)
        self._metrics = metrics
        self._one_at_a_time = asyncio.Lock()

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the file until stopped."""
        await self._watch.remember()
        self._watch.listen()
        while await self._watch.changed(stop):
            try:
                await self.reload()
            except (ConfigurationError, ConflictError) as error:
                log.error("the sources file was not taken over", reason=error.message)

    async def reload(self) -> Reloaded:
        """Read the file now.

        Raises:
            ConfigurationError: it cannot be used; the sources stay as they are.
            ConflictError: a stream key in it belongs to another source.
        """
        async with self._one_at_a_time:
            self.state.read_at = utc_now()
            try:
                done = await self._catalog.reload(self.state.path)
            except (ConfigurationError, ConflictError) as error:
                self.state.error = error.message
                self._metrics.count("sources_file_reloads_total", outcome="refused")
                self._metrics.set("sources_file_last_reload_success", 0)
                raise
            self.state.error = None
            self._metrics.count("sources_file_reloads_total", outcome="accepted")
            self._metrics.set("sources_file_last_reload_success", 1)
            at = self.state.read_at.timestamp()
            self._metrics.set("sources_file_last_reload_timestamp_seconds", at)
            log.info("the sources file was read", **done.counts())
            return done
