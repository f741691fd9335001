"""A service at work inside the test's own process, on a free port."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tonewatch.shared.runtime import Service, serving


@asynccontextmanager
async def running(service: Service[Any]) -> AsyncIterator[str]:
    """Start the service (its options' port must be 0), yield its base URL, and drain it."""
    async with serving(service, asyncio.Event()) as port:
        yield f"http://127.0.0.1:{port}"


@asynccontextmanager
async def running_together(services: Mapping[str, Service[Any]]) -> AsyncIterator[dict[str, str]]:
    """Start services side by side, yield their base URLs by name, and drain them side by side."""
    each = {name: running(service) for name, service in services.items()}
    began = await asyncio.gather(
        *(context.__aenter__() for context in each.values()), return_exceptions=True
    )
    urls = {name: url for name, url in zip(each, began, strict=True) if isinstance(url, str)}
    try:
        for failure in began:
            if isinstance(failure, BaseException):
                raise failure
        yield urls
    finally:
        await asyncio.gather(*(each[name].__aexit__(None, None, None) for name in urls))
