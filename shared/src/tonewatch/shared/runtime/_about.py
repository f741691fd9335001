"""What a service says of itself to those who run it: versions, and its settings without secrets."""

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from fastapi import FastAPI

from tonewatch.shared.logging import scrub
from tonewatch.shared.runtime._service import Service

VERSION: Final = "0.1.0"

PACKAGES: Final = (
    *("fastapi", "pydantic", "redis", "sqlalchemy", "uvicorn", "numpy"),
    *("torch", "onnxruntime", "funasr"),
)
"""Whose versions explain most of what goes wrong."""


def add_about(app: FastAPI, service: Service[Any]) -> None:
    """Add GET /about, which is for the suite's own services only, as every route beside probes."""

    @app.get("/about", tags=["probes"])
    async def about() -> dict[str, Any]:
        """Versions, platform, and the effective settings with secrets masked."""
        return about_of(service)


def about_of(service: Service[Any]) -> dict[str, Any]:
    """What /about answers."""
    return {
        "service": service.name,
        "version": VERSION,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "settings": scrubbed(service.settings.masked()),
    }


def scrubbed(value: Any) -> Any:
    """Plain data whose texts went through `scrub`: a URL without its password."""
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, dict):
        return {key: scrubbed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [scrubbed(each) for each in value]
    return value


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
