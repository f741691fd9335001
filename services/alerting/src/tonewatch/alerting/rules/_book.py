"""The rules in force: read at start, read again on change, and never replaced by a bad file."""

import asyncio
import contextlib
from collections.abc import Collection
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Final

from tonewatch.alerting.rules._load import (
    BUILT_IN_CHANNELS,
    LoadedRules,
    load_rules,
    parse_rules,
)
from tonewatch.alerting.rules._model import Channel
from tonewatch.alerting.rules._problems import RulesError
from tonewatch.shared.clock import utc_now
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import Loop
from tonewatch.shared.watching import FileWatch

DEFAULT_NAME: Final = "default_rules.yaml"

log = get_logger(__name__)


class RuleBook:
    """Holds the rules in force, and what was wrong with the file that was refused last."""

    def __init__(
        self,
        file: Path | None,
        metrics: Metrics,
        *,
        has_smtp: bool,
        poll_seconds: float = 2.0,
        channels: Collection[str] = BUILT_IN_CHANNELS,
    ) -> None:
        self.file = file
        self.channels = channels
        self.loaded_at: datetime = utc_now()
        self.last_error: RulesError | None = None
        self._metrics = metrics
        self._has_smtp = has_smtp
        self._poll_seconds = poll_seconds
        self._loaded: LoadedRules | None = None
        self._seen_digest = ""
        self._reading = asyncio.Lock()

    @property
    def loaded(self) -> LoadedRules:
        """The rules in force."""
        if self._loaded is None:
            raise RuntimeError("the rules are read when the service opens")
        return self._loaded

    def warnings(self) -> list[str]:
        """What works otherwise than the rules' author may expect."""
        mute = [rule.name for rule in self.loaded.rules if Channel.EMAIL in rule.channels]
        if self._has_smtp or not mute:
            return []
        warning = (
            f"no mail server is configured (alerting.smtp), so the channel email of {len(mute)} "
            f"rule(s) sends nothing: {', '.join(mute[:10])}; their other channels work"
        )
        return [warning]

    async def reload(self) -> None:
        """Read the file and put its rules in force.

        Raises:
            RulesError: the file has mistakes; the rules in force stay.
        """
        async with self._reading:
            try:
                loaded = await asyncio.to_thread(self._read)
            except RulesError as error:
                self._refuse(error)
                raise
            self._accept(loaded)

    def watch(self) -> Loop:
        """The loop that reloads when the file changes, and at SIGHUP."""

        async def watch_rules(stop: asyncio.Event) -> None:
            if self.file is None:
                await stop.wait()
                return
            watch = FileWatch(self.file, self._poll_seconds, known=self._seen_digest)
            watch.listen()
            while await watch.changed(stop):
                with contextlib.suppress(RulesError):  # logged, counted and shown
                    await self.reload()

        return watch_rules

    def _read(self) -> LoadedRules:
        if self.file is not None:
            return load_rules(self.file, self.channels)
        packaged = resources.files("tonewatch.alerting").joinpath(DEFAULT_NAME)
        return parse_rules(packaged.read_bytes(), DEFAULT_NAME)

    def _accept(self, loaded: LoadedRules) -> None:
        self._loaded, self.loaded_at, self.last_error = loaded, utc_now(), None
        self._seen_digest = loaded.digest  # of the whole file, as FileWatch takes it
        self._metrics.count("rules_reloads_total", outcome="accepted")
        self._metrics.set("rules_loaded", sum(rule.enabled for rule in loaded.rules))
        self._metrics.set("rules_last_reload_success", 1)
        self._metrics.set("rules_last_reload_timestamp_seconds", self.loaded_at.timestamp())
        log.info("rules in force", file=loaded.file, rules=len(loaded.rules), hash=loaded.digest)
        for warning in self.warnings():
            log.warning(warning)

    def _refuse(self, error: RulesError) -> None:
        self.last_error = error
        self._metrics.count("rules_reloads_total", outcome="refused")
        self._metrics.set("rules_last_reload_success", 0)
        if self._loaded is not None:  # at the first start it is the error that ends the process
            log.error("rules refused, those before stay in force", problems=error.message)
