"""The real services at work inside the test's own process, for a console before them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.running import running
from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.inference.service import InferenceService
from tonewatch.inference.settings import InferenceSettings
from tonewatch.ingest.service import IngestService
from tonewatch.ingest.settings import IngestSettings
from tonewatch.shared.broker import Broker
from tonewatch.shared.settings import Settings
from tonewatch.storage.service import StorageService
from tonewatch.storage.settings import StorageSettings


@asynccontextmanager
async def real_services(
    broker: Broker, folder: Path, ffmpeg: str, **sections: dict[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """Ingest, inference, storage and alerting; yields the console's options that point there.

    `sections` are settings beside those that every test needs, by service.
    """
    common: dict[str, Any] = {"data_dir": folder, "partitions": broker.partitions}

    def made(kind: type[Settings], **section: Any) -> Any:
        values = {"port": 0, **section, **sections.get(kind.section, {})}
        return kind.model_validate({**common, kind.section: values})

    async with AsyncExitStack() as stack:

        async def start(service: Any) -> str:
            return await stack.enter_async_context(running(service))

        ingest = await start(IngestService(made(IngestSettings, ffmpeg=ffmpeg), broker))
        inference = await start(InferenceService(made(InferenceSettings, engine="fake"), broker))
        storage = await start(StorageService(made(StorageSettings, batch_seconds=0.02), broker))
        history = made(AlertingSettings, storage_url=storage)
        alerting = await start(AlertingService(history, broker))
        yield {
            "port": 0,
            "ingest_url": ingest,
            "inference_url": inference,
            "storage_url": storage,
            "alerting_url": alerting,
        }
