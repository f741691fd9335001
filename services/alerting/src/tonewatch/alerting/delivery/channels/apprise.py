"""Whatever Apprise offers by URL (Telegram, ntfy, Bark, PushPlus ...): https://appriseit.com.

Apprise blocks, so that it runs in a thread; the thread connects to allowed addresses only
(`tonewatch.shared.egress.guarded_thread` says what that cannot see). It is an optional dependency,
imported when a channel of this type is declared.
"""

import asyncio
import logging
import time
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from tonewatch.alerting.delivery.attempt import MAX_RESPONSE, Attempt
from tonewatch.alerting.delivery.channels.options import AppriseOptions
from tonewatch.alerting.delivery.post import elapsed_ms
from tonewatch.alerting.delivery.tables import DeliveryRow
from tonewatch.alerting.delivery.wording import fitting
from tonewatch.shared.egress import AddressPolicy, guarded_thread
from tonewatch.shared.errors import ConfigurationError

MOST_BYTES: Final = 16_000

THREADS: Final = 2
"""Of one channel: an attempt that hangs keeps its thread until the library's own time-out."""

_LOCAL: Final = frozenset(
    {"dbus", "gio", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"}
)
"""Schemas that act on this machine instead of telling somebody."""


class AppriseSender:
    """Tells one Apprise URL."""

    def __init__(
        self, options: AppriseOptions, policy: AddressPolicy, *, timeout_seconds: float
    ) -> None:
        self._language = options.language
        self._target = _target(options.url.get_secret_value(), timeout_seconds)
        self._policy = policy
        self._timeout_seconds = timeout_seconds
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="apprise")

    async def send(self, deliveries: Sequence[DeliveryRow]) -> Attempt:
        """Notify once, from a thread."""
        started = time.perf_counter()
        text = fitting(deliveries, self._language, MOST_BYTES)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                delivered, error = await asyncio.get_running_loop().run_in_executor(
                    self._threads, self._notify, text
                )
        except TimeoutError:
            delivered, error = False, f"no answer within {self._timeout_seconds:g} s"
        return Attempt(
            delivered=delivered,
            latency_ms=elapsed_ms(started),
            error=error[:MAX_RESPONSE],
            request_body=text,
        )

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _notify(self, text: str) -> tuple[bool, str]:
        title, _, body = text.partition("\n")
        with guarded_thread(self._policy) as refused:
            try:
                delivered = bool(self._target.notify(body=body or title, title=title))
                error = "" if delivered else "apprise could not deliver it"
            except Exception as failure:  # noqa: BLE001 - plug-ins raise what they like
                delivered, error = False, type(failure).__name__
        return delivered, refused[0] if refused and not delivered else error


def _target(url: str, timeout_seconds: float) -> Any:
    """The plug-in for a URL.

    Raises:
        ConfigurationError: Apprise is not installed, or has nothing for this URL; the URL is a
            secret and not repeated.
    """
    try:
        import apprise  # noqa: PLC0415 - optional, and slow to import
    except ImportError as error:
        raise ConfigurationError(
            "a channel of type apprise needs the extra: pip install 'tonewatch-alerting[apprise]'"
        ) from error
    # its own log lines carry URLs with tokens
    logging.getLogger("apprise").setLevel(logging.CRITICAL)
    scheme = url.partition(":")[0].lower()
    if scheme in _LOCAL:
        raise ConfigurationError(f"the Apprise URL {scheme}:// acts on this machine: not allowed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of what its plug-ins import
        target = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if target is None:
        raise ConfigurationError(f"Apprise cannot use the URL {scheme}://***; see its list of URLs")
    target.socket_connect_timeout = min(timeout_seconds, 5.0)
    target.socket_read_timeout = timeout_seconds
    return target
