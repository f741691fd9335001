"""Structured logs: JSON for machines, readable lines on a terminal; secrets are scrubbed.

`get_logger` anywhere, `configure` once in `main`. Libraries that use the standard library's logging
end in the same stream and format.
"""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

from tonewatch.shared.settings import LogOptions

_URL_USERINFO: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://)[^/\s@]+@", re.IGNORECASE)
_SECRET_PARAMETER: Final = re.compile(
    r"(?P<name>\b[\w-]*(?:key|token|secret|password|passwd|pass|passphrase|streamid|sign|signature|"
    r"auth)=)[^&\s\"']+",
    re.IGNORECASE,
)
_RTMP_KEY: Final = re.compile(r"(?P<app>rtmps?://[^/\s]+/[^/\s]+/)[^\s\"'?]+", re.IGNORECASE)

_BEARER: Final = re.compile(r"(?P<scheme>\bBearer )[\w.~+/=-]{16,}", re.IGNORECASE)
_API_KEY: Final = re.compile(r"\btw_[A-Za-z0-9]+_[\w-]{16,}")


def scrub(text: str) -> str:
    """The text without URL passwords, stream keys, API keys, tokens and secret parameters."""
    text = _URL_USERINFO.sub(r"\g<scheme>***@", text)
    text = _RTMP_KEY.sub(r"\g<app>***", text)
    text = _API_KEY.sub("tw_***", _BEARER.sub(r"\g<scheme>***", text))
    return _SECRET_PARAMETER.sub(r"\g<name>***", text)


def _drop_colour(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Uvicorn repeats its message with terminal colours in an extra field."""
    event.pop("color_message", None)
    return event


def _scrub_event(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = scrub(value)
    return event


def configure(options: LogOptions, service: str) -> None:
    """Send structlog and standard logging to stderr in one format."""
    as_json = options.format == "json" or (options.format == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _drop_colour,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    tail: list[Any] = (
        [structlog.processors.format_exc_info, _scrub_event, structlog.processors.JSONRenderer()]
        if as_json
        else [_scrub_event, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(options.level.upper())
    # at debug level aiosqlite writes statements with their parameters, secrets among them
    for noisy in ("uvicorn.access", "httpx", "httpcore", "watchfiles", "aiosqlite"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    for own in ("uvicorn", "uvicorn.error"):
        logging.getLogger(own).handlers.clear()
        logging.getLogger(own).propagate = True
    structlog.contextvars.bind_contextvars(service=service)


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger; events are short sentences, values are keyword arguments."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
