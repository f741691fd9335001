"""What users do with sources: add, look, delete, change the key; registry and fleet in step."""

from dataclasses import replace
from pathlib import Path

from tonewatch.ingest.live import Door, Fleet, Status
from tonewatch.ingest.sources import (
    UPLOAD_SOURCE_ID,
    Origin,
    Source,
    SourceKind,
    SourceRepository,
    checked_url,
    hash_key,
    new_key,
    read_declared,
)
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import ConflictError, InvalidInputError, NotFoundError
from tonewatch.shared.ids import new_id


class Catalog:
    """The sources, as users see them."""

    def __init__(self, repository: SourceRepository, fleet: Fleet, door: Door) -> None:
        self._repository = repository
        self._fleet = fleet
        self._door = door
        self._keys_from_file: set[str] = set()

    async def load(self, sources_file: Path | None) -> None:
        """Make the declared sources part of the registry, and start all there are.

        Raises:
            ConfigurationError: the file cannot be used.
        """
        declared: tuple[Source, ...] = ()
        if sources_file is not None:
            declared = read_declared(sources_file, utc_now()).sources
        self._keys_from_file = {source.id for source in declared if source.key_hash}
        await self._repository.replace_declared(declared)
        if await self._repository.get(UPLOAD_SOURCE_ID) is None:
            await self._repository.add(
                Source(
                    id=UPLOAD_SOURCE_ID,
                    name="Uploads",
                    kind=SourceKind.UPLOAD,
                    created_at=utc_now(),
                )
            )
        for source in await self._repository.all():
            self._fleet.add(source)

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

    async def add_pull(self, name: str, url: str, labels: dict[str, str]) -> Source:
        """Add a URL to pull; it starts at once."""
        source = Source(
            id=new_id(),
            name=name,
            kind=SourceKind.PULL,
            url=checked_url(url),
            labels=labels,
            created_at=utc_now(),
        )
        await self._repository.add(source)
        self._fleet.add(source)
        return source

    async def add_rtmp(self, name: str, labels: dict[str, str]) -> tuple[Source, str]:
        """Add a source to push to; returns it with its key, which nobody can ask for later."""
        key = new_key()
        source = Source(
            id=new_id(),
            name=name,
            kind=SourceKind.RTMP,
            key_hash=hash_key(key),
            labels=labels,
            created_at=utc_now(),
        )
        await self._repository.add(source)
        self._fleet.add(source)
        return source, key

    async def delete(self, source_id: str) -> None:
        """Remove a source; its session ends.

        Raises:
            ConflictError: it is declared in the sources file, or it is the uploads'.
        """
        source, _ = await self.get(source_id)
        if source.kind is SourceKind.UPLOAD:
            raise ConflictError("the source of uploads is always there")
        if source.origin is Origin.FILE:
            raise ConflictError(
                f"source {source.name} is declared in the sources file; remove it there and restart"
            )
        await self._repository.remove(source_id)
        await self._door.revoke(source_id, "the source was deleted")
        await self._fleet.remove(source_id, "the source was deleted")

    async def rotate_key(self, source_id: str) -> tuple[Source, str]:
        """Give an rtmp source a new key; the old one stops working, also for who pushes now.

        Raises:
            InvalidInputError: the source has no key.
            ConflictError: the key stands in the sources file.
        """
        source, _ = await self.get(source_id)
        if source.kind is not SourceKind.RTMP:
            raise InvalidInputError(f"source {source.name} is no rtmp source, so it has no key")
        if source_id in self._keys_from_file:
            raise ConflictError(
                f"the key of {source.name} stands in the sources file; change it there and restart"
            )
        key = new_key()
        await self._repository.update(source_id, key_hash=hash_key(key))
        await self._door.revoke(source_id, "the stream key was changed")
        return replace(source, key_hash=hash_key(key)), key
