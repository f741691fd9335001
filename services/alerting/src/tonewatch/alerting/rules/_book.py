"""The rules in force: those of the file, and those that were added through the API.

The file is read at start and again on change, and a bad one never replaces a good one. Where both
have a rule of the same name, the file's is in force.
"""

import asyncio
import contextlib
import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

from tonewatch.alerting.rules._load import (
    BUILT_IN_CHANNELS,
    LoadedRules,
    load_rules,
    parse_rules,
)
from tonewatch.alerting.rules._model import Channel, Rule
from tonewatch.alerting.rules._problems import Problem, RulesError
from tonewatch.shared.clock import utc_now
from tonewatch.shared.logging import get_logger
from tonewatch.shared.metrics import Metrics
from tonewatch.shared.watching import FileWatch

DEFAULT_NAME: Final = "default_rules.yaml"
HASH_DIGITS: Final = 12
"""Of the hash, as a metric shows it: a number that a float holds exactly."""

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AddedRule:
    """A rule that was added through the API, as it stands; `rule` is None if it cannot be used."""

    name: str
    version: int
    author: str
    at_ms: int
    data: dict[str, Any] | None
    rule: Rule | None
    problems: tuple[Problem, ...] = ()


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
        self._watch = FileWatch(file or Path(DEFAULT_NAME), poll_seconds)
        self.added: tuple[AddedRule, ...] = ()
        self._loaded: LoadedRules | None = None
        self._in_force: LoadedRules | None = None
        self._seen_digest = ""
        self._reading = asyncio.Lock()

    @property
    def loaded(self) -> LoadedRules:
        """The rules in force."""
        if self._in_force is None:
            raise RuntimeError("the rules are read when the service opens")
        return self._in_force

    @property
    def file_rules(self) -> LoadedRules:
        """Those of the file."""
        if self._loaded is None:
            raise RuntimeError("the rules are read when the service opens")
        return self._loaded

    def warnings(self) -> list[str]:
        """What works otherwise than the rules' author may expect."""
        warnings = []
        mute = [rule.name for rule in self.loaded.rules if Channel.EMAIL in rule.channels]
        if mute and not self._has_smtp:
            warnings.append(
                f"no mail server is configured (alerting.smtp), so the channel email of {len(mute)}"
                f" rule(s) sends nothing: {_some(mute)}; their other channels work"
            )
        if hidden := [each.name for each in self.added if each.name in self.file_rules.lines]:
            warnings.append(
                f"{len(hidden)} rule(s) that were added through the API are not in force, because "
                f"{self.file_rules.file} has rules of these names: {_some(hidden)}"
            )
        if broken := [each.name for each in self.added if each.rule is None]:
            warnings.append(
                f"{len(broken)} rule(s) that were added through the API cannot be used any more "
                f"and are not in force: {_some(broken)}; GET /v1/rules says why"
            )
        return warnings

    def take_added(self, added: Sequence[AddedRule]) -> None:
        """Put in force what stands in the database."""
        self.added, self.loaded_at = tuple(added), utc_now()
        self._compose()
        if added:
            log.info("rules of the API in force", rules=len(added), hash=self.loaded.digest)

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

    def listen(self) -> None:
        """From now on changes of the file count, and SIGHUP (which else would end the process)."""
        file = self.file or Path(DEFAULT_NAME)
        self._watch = FileWatch(file, self._poll_seconds, known=self._seen_digest)
        self._watch.listen()

    async def watch_file(self, stop: asyncio.Event) -> None:
        """The loop that reloads when the file changes, and at SIGHUP."""
        if self.file is None:
            await self._watch.remember()
        while await self._watch.changed(stop):
            with contextlib.suppress(RulesError):  # logged, counted and shown
                await self.reload()

    def _read(self) -> LoadedRules:
        if self.file is not None:
            return load_rules(self.file, self.channels)
        packaged = resources.files("tonewatch.alerting").joinpath(DEFAULT_NAME)
        return parse_rules(packaged.read_bytes(), DEFAULT_NAME)

    def _accept(self, loaded: LoadedRules) -> None:
        self._loaded, self.loaded_at, self.last_error = loaded, utc_now(), None
        self._seen_digest = loaded.digest  # of the whole file, as FileWatch takes it
        self._compose()
        self._metrics.count("rules_reloads_total", outcome="accepted")
        self._metrics.set("rules_last_reload_success", 1)
        log.info("rules in force", file=loaded.file, rules=len(loaded.rules), hash=loaded.digest)
        for warning in self.warnings():
            log.warning(warning)

    def _compose(self) -> None:
        file = self.file_rules
        added = [each for each in self.added if each.rule and each.name not in file.lines]
        rules = (*file.rules, *(each.rule for each in added if each.rule))
        self._in_force = LoadedRules(file.file, _digest(file.digest, added), rules, file.lines)
        self._metrics.set("rules_loaded", sum(rule.enabled for rule in rules))
        self._metrics.set("rules_hash", int(self._in_force.digest[:HASH_DIGITS], 16))
        self._metrics.set("rules_last_reload_timestamp_seconds", self.loaded_at.timestamp())

    def _refuse(self, error: RulesError) -> None:
        self.last_error = error
        self._metrics.count("rules_reloads_total", outcome="refused")
        self._metrics.set("rules_last_reload_success", 0)
        if self._loaded is not None:  # at the first start it is the error that ends the process
            log.error("rules refused, those before stay in force", problems=error.message)


def _digest(of_file: str, added: Sequence[AddedRule]) -> str:
    """The file's own, unless there are other rules as well."""
    if not added:
        return of_file
    versions = "\n".join(f"{each.name}\x1f{each.version}" for each in added)
    return hashlib.sha256(f"{of_file}\n{versions}".encode()).hexdigest()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:10])
