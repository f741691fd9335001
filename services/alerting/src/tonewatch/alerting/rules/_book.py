"""The rules in force: read at start, read again on change, and never replaced by a bad file."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Final

from watchfiles import awatch

from tonewatch.alerting.rules._load import (
    MAX_BYTES,
    LoadedRules,
    RulesError,
    load_rules,
    parse_rules,
)
from tonewatch.alerting.rules._model import Channel
from tonewatch.shared.clock import utc_now
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.runtime import Loop, wait_for_stop

DEFAULT_NAME: Final = "default_rules.yaml"

log = get_logger(__name__)


class RuleBook:
    """Holds the rules in force, and what was wrong with the file that was refused last."""

    def __init__(
        self, file: Path | None, metrics: Metrics, *, has_smtp: bool, poll_seconds: float = 2.0
    ) -> None:
        self.file = file
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
        """The loop that reloads when the file changes."""

        async def watch_rules(stop: asyncio.Event) -> None:
            async with aclosing(self._changes(stop)) as changes:
                async for _ in changes:
                    await self._reload_if_changed()

        return watch_rules

    def _read(self) -> LoadedRules:
        if self.file is not None:
            return load_rules(self.file)
        packaged = resources.files("tonewatch.alerting").joinpath(DEFAULT_NAME)
        return parse_rules(packaged.read_bytes(), DEFAULT_NAME)

    def _accept(self, loaded: LoadedRules) -> None:
        self._loaded, self.loaded_at, self.last_error = loaded, utc_now(), None
        self._seen_digest = loaded.digest
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

    async def _reload_if_changed(self) -> None:
        digest = await asyncio.to_thread(self._digest)
        if digest == self._seen_digest:
            return
        self._seen_digest = digest
        try:
            await self.reload()
        except RulesError:
            return  # logged, counted and shown where it was found

    def _digest(self) -> str:
        try:
            with (self.file or Path()).open("rb") as stream:
                return hashlib.sha256(stream.read(MAX_BYTES + 1)).hexdigest()
        except OSError as error:
            return f"unreadable: {error.strerror}"

    async def _changes(self, stop: asyncio.Event) -> AsyncGenerator[None]:
        """Yield when the file may have changed: at a report of the system, and from time to time.

        The directory is watched, not the file: editors and Kubernetes replace files. Bind mounts
        report nothing, hence the second occasion.
        """
        if self.file is None:
            await stop.wait()
            return
        try:
            async for _ in awatch(
                self.file.absolute().parent,
                stop_event=stop,
                recursive=False,
                rust_timeout=int(self._poll_seconds * 1000),
                yield_on_timeout=True,
                ignore_permission_denied=True,
            ):
                yield
        except (OSError, RuntimeError) as error:  # no inotify watches left, directory replaced ...
            log.warning("changes of the rules are looked for, not reported", reason=str(error))
        while not await wait_for_stop(stop, self._poll_seconds):
            yield
