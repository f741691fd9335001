"""Changes of stored rules: checked like a file, written as a version, in force at once."""

import asyncio
from typing import Any, Final

from tonewatch.alerting.rules._book import AddedRule, RuleBook
from tonewatch.alerting.rules._load import parse_rule
from tonewatch.alerting.rules._model import Rule, shown_rule
from tonewatch.alerting.rules._problems import Problem, RulesError
from tonewatch.alerting.rules.stored._errors import BlindChangeError, RuleChangedError
from tonewatch.alerting.rules.stored._model import ANY, Edit, RuleAction, Seen, StoredRule
from tonewatch.alerting.rules.stored._store import RuleStore
from tonewatch.shared.errors import ConflictError, NotFoundError
from tonewatch.shared.logging import get_logger
from tonewatch.shared.runtime import wait_for_stop

POLL_SECONDS: Final = 1.0
"""How often a replica looks whether another one has changed a rule."""

RESERVED: Final = ("schema", "reload", "validate", "backtest", "precision")
"""Not to be had as names: addresses of the API."""

log = get_logger(__name__)


class RuleEditor:
    """Adds, changes and deletes stored rules, and keeps the book up to date with them."""

    def __init__(self, store: RuleStore, book: RuleBook) -> None:
        self.store = store
        self._book = book
        self._revision = -1
        self._reading = asyncio.Lock()

    async def refresh(self) -> None:
        """Put in force what any replica has changed."""
        async with self._reading:
            if await self.store.revision() == self._revision:
                return
            revision, standing = await self.store.standing()
            self._book.take_added([_added(each, self._book) for each in standing])
            self._revision = revision

    async def watch_stored_rules(self, stop: asyncio.Event) -> None:
        """The loop that looks for changes."""
        while not await wait_for_stop(stop, POLL_SECONDS):
            await self.refresh()

    async def add(self, data: dict[str, Any], edit: Edit) -> StoredRule:
        """Add a rule.

        Raises:
            RulesError: it has mistakes.
            ConflictError: there is one of this name.
        """
        rule = self._checked(data)
        content = shown_rule(rule)

        def decide(before: StoredRule | None) -> dict[str, Any]:
            if before is not None and before.rule is not None:
                raise ConflictError(
                    f'there is a rule "{rule.name}" already (version {before.version}); '
                    "change it with PUT, or choose another name"
                )
            return content

        return await self._write(rule.name, RuleAction.ADDED, decide, edit)

    async def put(self, name: str, data: dict[str, Any], edit: Edit) -> StoredRule:
        """Replace a rule, or add it.

        Raises:
            RulesError: it has mistakes.
            ConflictError: it has another name, or is a rule of the file.
            BlindChangeError: it exists, and `edit.seen` says nothing.
            RuleChangedError: somebody was faster.
        """
        self._refuse_rules_of_the_file(name)
        rule = self._checked(data)
        if rule.name != name:
            raise ConflictError(
                f'a rule keeps its name: "{name}" cannot become "{rule.name}"; '
                "add that one, and delete this one"
            )
        content = shown_rule(rule)
        before = await self.store.newest(name)
        is_new = before is None or before.rule is None

        def decide(before: StoredRule | None) -> dict[str, Any]:
            if before is not None and before.rule is not None:
                if edit.seen is None:
                    raise BlindChangeError(before)
                _refuse_if_changed(before, edit.seen)
            elif edit.seen not in {None, ANY}:
                raise NotFoundError(f'there is no rule "{name}" (any more); leave If-Match out')
            return content

        action = RuleAction.ADDED if is_new else RuleAction.CHANGED
        return await self._write(name, action, decide, edit)

    async def delete(self, name: str, edit: Edit) -> StoredRule:
        """Delete a rule; what it has firing is resolved, its versions stay.

        Raises:
            NotFoundError: there is no such rule.
            ConflictError: it is a rule of the file.
            RuleChangedError: somebody was faster.
        """
        self._refuse_rules_of_the_file(name)

        def decide(before: StoredRule | None) -> None:
            _refuse_if_changed(_standing(name, before), edit.seen)

        return await self._write(name, RuleAction.DELETED, decide, edit)

    async def switch(self, name: str, edit: Edit, *, on: bool) -> StoredRule:
        """Enable or disable a rule; one that is so already stays at its version.

        Raises: as `delete`.
        """
        self._refuse_rules_of_the_file(name)
        now = _standing(name, await self.store.newest(name))
        if (now.rule or {}).get("enabled", True) is on:
            _refuse_if_changed(now, edit.seen)
            return now

        def decide(before: StoredRule | None) -> dict[str, Any]:
            standing = _standing(name, before)
            _refuse_if_changed(standing, edit.seen)
            return {**(standing.rule or {}), "enabled": on}

        return await self._write(
            name, RuleAction.ENABLED if on else RuleAction.DISABLED, decide, edit
        )

    async def restore(self, name: str, version: int, edit: Edit) -> StoredRule:
        """Let a rule be again what it was at a version; deleted ones come back.

        Raises: as `delete`; RulesError if what it was cannot be used any more.
        """
        self._refuse_rules_of_the_file(name)
        old = await self.store.version(name, version)
        if old.rule is None:
            raise ConflictError(f'version {version} is the deletion of "{name}"; use DELETE')
        content = shown_rule(self._checked(old.rule))

        def decide(before: StoredRule | None) -> dict[str, Any]:
            if before is not None:
                _refuse_if_changed(before, edit.seen)
            return content

        return await self._write(name, RuleAction.RESTORED, decide, edit)

    async def _write(self, name: str, action: RuleAction, decide: Any, edit: Edit) -> StoredRule:
        written = await self.store.write(name, action, decide, edit)
        log.info("rule changed", rule=name, action=action, version=written.version, by=edit.by)
        await self.refresh()
        return written

    def _checked(self, data: dict[str, Any]) -> Rule:
        rule = parse_rule(data, self._book.channels)
        if "/" in rule.name or rule.name in RESERVED:
            why = f'is an address: use no "/", and none of {", ".join(RESERVED)}'
            raise RulesError([Problem("", 1, 1, "name", f'"{rule.name}" {why}')])
        self._refuse_rules_of_the_file(rule.name)
        return rule

    def _refuse_rules_of_the_file(self, name: str) -> None:
        line = self._book.file_rules.lines.get(name)
        if line is not None:
            raise ConflictError(
                f'"{name}" is a rule of {self._book.file_rules.file} (line {line}): change it '
                "there, it is read again by itself"
            )


def _standing(name: str, found: StoredRule | None) -> StoredRule:
    if found is None or found.rule is None:
        raise NotFoundError(f'there is no rule "{name}" that was added through the API')
    return found


def _refuse_if_changed(now: StoredRule, seen: Seen) -> None:
    if seen not in {None, ANY, now.version}:
        raise RuleChangedError(now)


def _added(stored: StoredRule, book: RuleBook) -> AddedRule:
    rule: Rule | None = None
    problems: tuple[Problem, ...] = ()
    try:
        rule = parse_rule(stored.rule, book.channels)
    except RulesError as error:  # such as a channel that has left the settings
        problems = error.problems
        log.error("a stored rule cannot be used", rule=stored.name, problems=error.message)
    return AddedRule(
        stored.name, stored.version, stored.author, stored.at_ms, stored.rule, rule, problems
    )
