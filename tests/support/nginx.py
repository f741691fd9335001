"""An nginx before services, with the part of its configuration that a page shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.support.require import require_tool
from tests.support.wait import accepts, wait_until

# one process, as whoever runs the tests: its folders belong to nobody else
FRAME: Final = """
daemon off;
master_process off;
pid {folder}/http.pid;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{http}
}}
"""


@asynccontextmanager
async def http_nginx(folder: Path, http: str, port: int) -> AsyncIterator[str]:
    """Serve what stands inside `http { }` and listens on a port of 127.0.0.1; yields its URL."""
    binary = require_tool("nginx")
    config, log = folder / "http.conf", folder / "http.log"
    config.write_text(FRAME.format(folder=folder, http=http))
    process = await asyncio.create_subprocess_exec(
        binary, "-e", str(log), "-p", str(folder), "-c", str(config)
    )

    async def serves() -> bool:
        assert process.returncode is None, log.read_text()
        return await accepts(port)

    try:
        await wait_until(serves)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
