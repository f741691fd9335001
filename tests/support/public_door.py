"""The public API as the documentation's readers have it: a console before a service, and a key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support.running import running
from tests.support.signed_in import api_key_of
from tonewatch.console.service import ConsoleService
from tonewatch.console.settings import ConsoleSettings
from tonewatch.shared.broker import Broker

SHOWN: Final = "localhost:7860"
"""Where the pages say that the console is."""


@dataclass(frozen=True, slots=True)
class PublicDoor:
    """A running console and a key that may do everything."""

    base: str
    key: str = field(repr=False)

    @property
    def values(self) -> dict[str, str]:
        """What a reader puts in place of the page's address."""
        return {SHOWN: self.base.removeprefix("http://")}

    @property
    def environment(self) -> dict[str, str]:
        """What the pages expect in the environment."""
        return {"TONEWATCH_KEY": self.key}


@asynccontextmanager
async def public_door(broker: Broker, folder: Path, **urls: str) -> AsyncIterator[PublicDoor]:
    """A console that keeps its things in a folder; `ingest_url=...` says where services are."""
    section = {"port": 0, **urls}
    settings = ConsoleSettings.model_validate({"data_dir": folder, "console": section})
    async with running(ConsoleService(settings, broker)) as base:
        yield PublicDoor(base, await api_key_of(folder))
