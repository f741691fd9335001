"""Services as real processes, each with what it writes kept for a look."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.wait import wait_until


@dataclass
class ServiceProcess:
    """One service at work."""

    process: subprocess.Popen[bytes]
    output: Path
    url: str = ""

    def text(self) -> str:
        """All that it wrote so far."""
        return self.output.read_text("utf-8", errors="replace")

    def port(self) -> int | None:
        """Its port, once it says that it has started."""
        for line in self.text().splitlines():
            if '"event": "started"' in line:
                port: int = json.loads(line)["port"]
                return port
        return None


def start(name: str, output: Path, environment: Mapping[str, str]) -> ServiceProcess:
    """Start one; what it writes goes into a file."""
    program = Path(sys.executable).with_name(f"tonewatch-{name}")
    with output.open("wb") as log:
        process = subprocess.Popen(
            [program, "run"],
            env={**os.environ, "TONEWATCH_LOG__FORMAT": "json", **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return ServiceProcess(process, output)


@asynccontextmanager
async def service_process(
    name: str, folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[ServiceProcess]:
    """`tonewatch-NAME run` with its log as JSON in the folder; its section must say port 0."""
    made = start(name, folder / f"{name}.log", environment)
    process = made.process
    try:
        await wait_until(
            lambda: made.port() is not None or process.poll() is not None, timeout_seconds=60
        )
        assert process.poll() is None, made.text()
        made.url = f"http://127.0.0.1:{made.port()}"
        yield made
    finally:
        process.terminate()
        process.wait(timeout=30)
