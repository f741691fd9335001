"""Write the services' part of the public API's OpenAPI document into the console's package.

python -m scripts.public_api          # writes the file
python -m scripts.public_api --check  # exit 1 if the file is out of date
"""

import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tonewatch.alerting.service import AlertingService
from tonewatch.alerting.settings import AlertingSettings
from tonewatch.console.public_api import SERVICES_FILE, services_part
from tonewatch.inference.service import InferenceService
from tonewatch.inference.settings import InferenceSettings
from tonewatch.ingest.service import IngestService
from tonewatch.ingest.settings import IngestSettings
from tonewatch.shared.broker import MemoryBroker
from tonewatch.shared.runtime import Service, build_app
from tonewatch.storage.service import StorageService
from tonewatch.storage.settings import StorageSettings


async def render() -> str:
    """The file as it is to be; nothing is started for it."""
    with TemporaryDirectory() as folder:
        broker, data = MemoryBroker(partitions=1), Path(folder)
        services: tuple[Service[Any], ...] = (
            IngestService(IngestSettings(data_dir=data), broker),
            InferenceService(InferenceSettings(data_dir=data), broker),
            AlertingService(AlertingSettings(data_dir=data), broker),
            StorageService(StorageSettings(data_dir=data), broker),
        )
        documents: Any = {each.name: build_app(each).openapi() for each in services}
        for each in services:
            await each.close()
    return json.dumps(services_part(documents), ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write, or compare."""
    text = asyncio.run(render())
    if "--check" not in sys.argv[1:]:
        SERVICES_FILE.write_text(text, encoding="utf-8")
    elif SERVICES_FILE.read_text("utf-8") != text:
        sys.exit(f"{SERVICES_FILE} is out of date: run python -m scripts.public_api")


if __name__ == "__main__":
    main()
