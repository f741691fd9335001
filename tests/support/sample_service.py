"""A minimal service program, started by the tests of the service skeleton."""

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from tonewatch.shared.logging import get_logger
from tonewatch.shared.runtime import Loop, Service, main
from tonewatch.shared.settings import Port, ServiceOptions, Settings


class Options(ServiceOptions):
    """Its section."""

    port: Port = 8080


class SampleSettings(Settings):
    """Its settings."""

    section: ClassVar[str] = "ingest"
    ingest: Options = Field(default_factory=Options)


class Sample(Service[SampleSettings]):
    """Waits, and says that it drained."""

    name = "ingest"

    def loops(self) -> Sequence[Loop]:
        return [self.wait]

    async def wait(self, stop: asyncio.Event) -> None:
        await stop.wait()
        get_logger(__name__).info("drained")


if __name__ == "__main__":
    main(Sample, SampleSettings)
