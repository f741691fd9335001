"""What users do with sources: add, look, delete, change the key; registry and fleet in step."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tonewatch.ingest.live import Door, Fleet, Status
from tonewatch.ingest.live.fleet import CHANGED, KEY_CHANGED
from tonewatch.ingest.sources import (
    KEYED,
    UPLOAD_SOURCE_ID,
    AuditLog,
    Origin,
    PullRules,
    Source,
    SourceKind,
    SourceRepository,
    Voices,
    check_voices,
    checked_url,
    columns_of,
    hash_key,
    new_key,
    new_uuid,
    read_declared,
)
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import ConflictError, InvalidInputError, NotFoundError
from tonewatch.shared.ids import new_id
from tonewatch.shared.logging import scrub

DELETED: Final = "the source was deleted"
FILE: Final = "sources file"
"""Who changes what the file declares, in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A source that somebody wants."""

    name: str
    kind: SourceKind
    url: str | None = None
    labels: dict[str, str]
    voices: Voices
    permitted_labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """New values of some fields of a source, by name."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What reading the sources file again changed, by the ids of sources."""

    added: list[str]
    changed: list[str]
    removed: list[str]

    def counts(self) -> dict[str, int]:
        """How many of each."""
        return {
            "added": len(self.added),
            "changed": len(self.changed),
            "removed": len(self.removed),
        }


class Catalog:
    """The sources, as users see them."""

    def __init__(
        self,
        repository: SourceRepository,
        audit: AuditLog,
        fleet: Fleet,
        door: Door,
        rules: PullRules,
    ) -> None:
        self._repository = repository
        self._audit = audit
        self._fleet = fleet
        self._door = door
        self._rules = rules
        self._keys_from_file: set[str] = set()

    async def load(self, sources_file: Path | None) -> None:
        """Make the declared sources part of the registry, and start all there are.

        Raises:
            ConfigurationError: the file cannot be used.
        """
        try:
            await self._make_ready(sources_file)
        except ConflictError:
            # another replica that starts at this moment was quicker
            await self._make_ready(sources_file)
        for source in await self._repository.all():
            self._fleet.add(source)

    async def _make_ready(self, sources_file: Path | None) -> None:
        await self._declare(sources_file)
        if await self._repository.get(UPLOAD_SOURCE_ID) is None:
            await self._repository.add(
                Source(
                    id=UPLOAD_SOURCE_ID,
                    name="Uploads",
                    kind=SourceKind.UPLOAD,
                    created_at=utc_now(),
                )
            )

    async def catch_up(self) -> None:
        """Follow what other replicas changed in the registry."""
        registry = {source.id: source for source in await self._repository.all()}
        known = self._fleet.sources
        differing = [i for i in registry.keys() | known.keys() if registry.get(i) != known.get(i)]
        for source_id in differing:
            # once more: it may have been changed here since
            source = await self._repository.get(source_id)
            if source is not None:
                await self._fleet.refresh(source)
            else:
                await self._fleet.remove(source_id, DELETED)

    async def reload(self, sources_file: Path) -> Reloaded:
        """Take the sources file over as it is now; what it does not change goes on undisturbed.

        Raises:
            ConfigurationError: the file cannot be used; nothing changes.
            ConflictError: a key in it belongs to another source; nothing changes.
        """
        before = {source.id: source for source in await self._repository.all()}
        await self._declare(sources_file)
        after = {source.id: source for source in await self._repository.all()}
        done = Reloaded(
            added=sorted(after.keys() - before.keys()),
            changed=sorted(i for i in after.keys() & before.keys() if after[i] != before[i]),
            removed=sorted(before.keys() - after.keys()),
        )
        for source_id in done.removed:
            await self._deleted(before[source_id], FILE)
        for source_id in done.changed:
            await self._changed(before[source_id], after[source_id], FILE)
        for source_id in done.added:
            await self._added(after[source_id], FILE)
        return done

    async def _declare(self, sources_file: Path | None) -> None:
        declared: tuple[Source, ...] = ()
        if sources_file is not None:
            read = await asyncio.to_thread(read_declared, sources_file, utc_now(), self._rules)
            declared = read.sources
        await self._repository.replace_declared(declared)
        self._keys_from_file = {source.id for source in declared if source.key_hash}

    async def all(self) -> list[tuple[Source, Status]]:
        """All sources with their status, oldest first."""
        return [(each, self._fleet.status(each.id)) for each in await self._repository.all()]

    async def get(self, source_id: str) -> tuple[Source, Status]:
        """One source with its status.

        Raises:
            NotFoundError: there is no such source.
        """
        source = await self._repository.get(source_id)
        if source is None:
            raise NotFoundError(f"there is no source {source_id}")
        return source, self._fleet.status(source_id)

    async def add(self, draft: Draft, actor: str) -> tuple[Source, str | None]:
        """Add a source; it starts at once. Nobody can ask for its key, if it has one, later.

        Raises:
            InvalidInputError: what is wanted cannot be had.
        """
        check_voices(draft.kind, draft.voices)
        key = _new_key(draft.kind) if draft.kind in KEYED else None
        source = Source(
            id=new_id(),
            name=draft.name,
            kind=draft.kind,
            url=_url_of(draft, self._rules),
            key_hash=hash_key(key) if key else None,
            labels=draft.labels,
            voices=draft.voices,
            permitted_labels=draft.permitted_labels,
            created_at=utc_now(),
        )
        await self._repository.add(source)
        await self._added(source, actor)
        return source, key

    async def change(self, source_id: str, change: Change, actor: str) -> Source:
        """Change a source; what it is doing now ends and begins anew with the change.

        Raises:
            InvalidInputError: what is wanted cannot be had.
            ConflictError: it is declared in the sources file.
        """
        former = await self._changeable(source_id)
        source = replace(former, **change.values)
        if source == former:
            return source
        check_voices(source.kind, source.voices)
        values = dict(change.values)
        if (voices := values.pop("voices", None)) is not None:
            values |= columns_of(voices)
        await self._repository.update(source_id, **values)
        await self._changed(former, source, actor)
        return source

    async def delete(self, source_id: str, actor: str) -> None:
        """Remove a source; its session ends.

        Raises:
            ConflictError: it is declared in the sources file, or it is the uploads'.
        """
        source = await self._changeable(source_id)
        await self._repository.remove(source_id)
        await self._deleted(source, actor)

    async def rotate_key(self, source_id: str, actor: str) -> tuple[Source, str]:
        """Give a source a new key; the old one stops working, also for who pushes now.

        Raises:
            InvalidInputError: the source has no key.
            ConflictError: the key stands in the sources file.
        """
        source, _ = await self.get(source_id)
        if source.kind not in KEYED:
            raise InvalidInputError(
                f"source {source.name} is of kind {source.kind.value}, which has no key"
            )
        if source_id in self._keys_from_file:
            raise ConflictError(
                f"the key of {source.name} stands in the sources file; change it there"
            )
        key = _new_key(source.kind)
        await self._repository.update(source_id, key_hash=hash_key(key))
        await self._audit.note(actor, "source.key_rotated", source_id)
        await self._door.revoke(source_id, KEY_CHANGED)
        source = replace(source, key_hash=hash_key(key))
        await self._fleet.refresh(source)
        return source, key

    async def _added(self, source: Source, actor: str) -> None:
        await self._audit.note(actor, "source.added", source.id, _shown(source))
        self._fleet.add(source)

    async def _changed(self, former: Source, source: Source, actor: str) -> None:
        details = {"before": _shown(former), "after": _shown(source)}
        await self._audit.note(actor, "source.changed", source.id, details)
        await self._door.revoke(source.id, CHANGED)
        await self._fleet.replace(source, CHANGED)

    async def _deleted(self, source: Source, actor: str) -> None:
        await self._audit.note(actor, "source.deleted", source.id, _shown(source))
        await self._door.revoke(source.id, DELETED)
        await self._fleet.remove(source.id, DELETED)

    async def _changeable(self, source_id: str) -> Source:
        source, _ = await self.get(source_id)
        if source.kind is SourceKind.UPLOAD:
            raise ConflictError("the source of uploads is always there, as it is")
        if source.origin is Origin.FILE:
            raise ConflictError(
                f"source {source.name} is declared in the sources file; change it there"
            )
        return source


def _url_of(draft: Draft, rules: PullRules) -> str | None:
    if draft.kind is SourceKind.PULL:
        if draft.url is None:
            raise InvalidInputError("url: a pull source needs one")
        return checked_url(draft.url, rules)
    if draft.url is not None:
        raise InvalidInputError(f"url: a source of kind {draft.kind.value} has none")
    return None


def _new_key(kind: SourceKind) -> str:
    return new_uuid() if kind is SourceKind.AUDIOSOCKET else new_key()


def _shown(source: Source) -> dict[str, Any]:
    """A source as the audit log keeps it: no password, no key."""
    return {
        "name": source.name,
        "kind": source.kind.value,
        "url": None if source.url is None else scrub(source.url),
        "labels": source.labels,
        "permitted_labels": list(source.permitted_labels),
        **columns_of(source.voices),
    }
