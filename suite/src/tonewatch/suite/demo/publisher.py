"""Pushes the conversation to an RTMP server like an encoder, and tries again when it is cut."""

import signal
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

from tonewatch.shared.logging import scrub
from tonewatch.suite._leash import leashed

PAUSE_SECONDS: Final = 2.0
STOPPED: Final = 0


class Publisher:
    """Runs one ffmpeg after another until told to stop, or once."""

    def __init__(
        self,
        argv: Sequence[str],
        tell: Callable[[str], None],
        *,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        self._argv = list(argv)
        self._tell = tell
        self._pause_seconds = pause_seconds
        self._stop = threading.Event()
        self._ffmpeg: subprocess.Popen[str] | None = None

    def run(self, *, again: bool) -> int:
        """Play to the end; with `again`, over and over. Returns ffmpeg's last exit code."""
        while not self._stop.is_set():
            code, errors = self._play()
            if self._stop.is_set():
                break
            if code:
                self._tell(scrub(f"ffmpeg ended with {code}: {errors or 'no reason given'}"))
            if not again:
                return code
            self._stop.wait(self._pause_seconds)
        return STOPPED

    def stop(self, *_: Any) -> None:
        """End the playing; can be called from a signal handler."""
        self._stop.set()
        if self._ffmpeg is not None:
            self._ffmpeg.terminate()

    def _play(self) -> tuple[int, str]:
        self._ffmpeg = subprocess.Popen(  # noqa: S603 - our own argv
            leashed(self._argv), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        if self._stop.is_set():  # the signal came before there was anything to end
            self._ffmpeg.terminate()
        _, errors = self._ffmpeg.communicate()
        lines = errors.strip().splitlines()
        return self._ffmpeg.returncode, lines[-1] if lines else ""


def publish(argv: Sequence[str], tell: Callable[[str], None], *, again: bool) -> int:
    """Play until SIGTERM or SIGINT."""
    publisher = Publisher(argv, tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, publisher.stop)
    return publisher.run(again=again)
