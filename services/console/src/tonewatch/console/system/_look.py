"""A look at all services at once: what each says of itself, its figures, and who lags behind."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, get_args

from tonewatch.console.system._figures import figures_of, process_of, samples_of
from tonewatch.console.upstreams import Upstream, Upstreams, describe
from tonewatch.shared.broker import Broker
from tonewatch.shared.clock import iso_utc, utc_now
from tonewatch.shared.errors import UnavailableError
from tonewatch.shared.http import HTTPError
from tonewatch.shared.runtime import VERSION
from tonewatch.shared.streams import STREAMS, Stream

UPSTREAMS: Final[tuple[Upstream, ...]] = get_args(Upstream)
FRESH_SECONDS: Final = 2.0
"""Many open pages look at one and the same answer for so long."""


class Look:
    """Asks the services; what one of them does not answer is left out, and why is said."""

    def __init__(
        self, upstreams: Upstreams, broker: Broker, own_metrics: Callable[[], bytes]
    ) -> None:
        self._upstreams = upstreams
        self._broker = broker
        self._own_metrics = own_metrics
        self._lock = asyncio.Lock()
        self._kept: tuple[float, dict[str, Any]] = (-FRESH_SECONDS, {})

    async def figures(self) -> dict[str, Any]:
        """The figures of all services, at most two seconds old."""
        async with self._lock:
            asked_at, answer = self._kept
            if time.monotonic() - asked_at >= FRESH_SECONDS:
                answer = await self._figures()
                self._kept = (time.monotonic(), answer)
            return answer

    async def json(self, upstream: Upstream, path: str) -> Any:
        """What a service answers; a sentence under `error` if it does not."""
        try:
            return (await self._get(upstream, path)).json()
        except HTTPError as error:
            return {"error": describe(error)}
        except ValueError:
            return {"error": "answers, but not as a Tonewatch service does"}

    async def metrics(self) -> Mapping[str, str]:
        """The texts for Prometheus of the services that answer, the console's among them."""
        found = await self._each(self._metrics)
        return {"console": self._own_metrics().decode(), **{k: v for k, v in found.items() if v}}

    async def about(self) -> Mapping[str, Any]:
        """What each service says of itself: versions and masked settings."""
        return await self._each(lambda upstream: self.json(upstream, "/about"))

    async def streams(self) -> list[dict[str, Any]]:
        """How far the readers of every stream are; empty while the broker is away."""
        try:
            now = await self._broker.now_ms()
            with_groups = [stream for stream in STREAMS if stream.groups]
            found = await asyncio.gather(*(self._lag(stream, now) for stream in with_groups))
        except UnavailableError:
            return []
        return [item for items in found for item in items]

    async def _figures(self) -> dict[str, Any]:
        texts, streams, versions = await asyncio.gather(
            self.metrics(), self.streams(), self._each(self._version)
        )
        samples = {service: samples_of(text) for service, text in texts.items()}
        return {
            "at": iso_utc(utc_now()),
            "figures": figures_of(samples),
            "processes": {service: process_of(each) for service, each in samples.items()},
            "versions": {"console": VERSION, **versions},
            "streams": streams,
        }

    async def _lag(self, stream: Stream, now_ms: int) -> list[dict[str, Any]]:
        states = await self._broker.group_states(stream)
        items = []
        for group in stream.groups:
            own = [state for state in states if state.group == group]
            waiting = [each for state in own if (each := state.oldest_unsettled_ms) is not None]
            items.append(
                {
                    "stream": stream.name,
                    "group": group,
                    "pending": sum(state.pending for state in own),
                    "oldest_seconds": max(0.0, (now_ms - min(waiting)) / 1000) if waiting else None,
                }
            )
        return items

    async def _metrics(self, upstream: Upstream) -> str:
        try:
            answer = await self._get(upstream, "/metrics")
        except HTTPError:
            return ""
        return answer.text if answer.is_success else ""

    async def _version(self, upstream: Upstream) -> str | None:
        answer = await self.json(upstream, "/health")
        return answer.get("version") if isinstance(answer, dict) else None

    async def _get(self, upstream: Upstream, path: str) -> Any:
        return await self._upstreams.requests.get(self._upstreams.url(upstream, path))

    @staticmethod
    async def _each(ask: Callable[[Upstream], Awaitable[Any]]) -> dict[str, Any]:
        answers = await asyncio.gather(*map(ask, UPSTREAMS))
        return dict(zip(UPSTREAMS, answers, strict=True))
