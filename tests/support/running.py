"""A service at work inside the test's own process, on a free port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tonewatch.shared.runtime import Service, serving


@asynccontextmanager
async def running(service: Service[Any]) -> AsyncIterator[str]:
    """Start the service (its options' port must be 0), yield its base URL, and drain it."""
    async with serving(service, asyncio.Event()) as port:
        yield f"http://127.0.0.1:{port}"
