"""A micro-batch on its way: frames in, outcomes out, in the order of the stream."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tonewatch.inference.batch_size import BatchSize
from tonewatch.inference.embeddings import Embeddings
from tonewatch.inference.engines.base import WindowScore
from tonewatch.inference.frames import FrameJob
from tonewatch.inference.host import EngineHost
from tonewatch.inference.results import Results
from tonewatch.inference.utterances import Utterance, closed_in
from tonewatch.inference.waiting import Group
from tonewatch.inference.windows import Windows
from tonewatch.shared.broker import Outcome, Outgoing
from tonewatch.shared.clock import utc_now
from tonewatch.shared.errors import EngineError
from tonewatch.shared.logging import get_logger

log = get_logger(__name__)


@dataclass(slots=True)
class Item:
    """A group of frames, with what the engine must hear for it.

    `window` is empty for a silent frame. After the engine has answered, `outcomes` has one for each
    frame; if it fails on the item they stay empty and the frames stay pending.
    """

    group: Group
    window: bytes = b""
    utterances: list[Utterance] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def heard(self) -> list[bytes]:
        """What the engine must hear, as PCM: the window if there is one, then the utterances."""
        return [self.window] * bool(self.window) + [each.pcm for each in self.utterances]


class Batches:
    """Prepares items and scores them; knows nothing of reading and settling."""

    def __init__(
        self,
        host: EngineHost,
        windows: Windows,
        results: Results,
        embeddings: Embeddings,
        size: BatchSize,
    ) -> None:
        self.size = size
        self._host = host
        self._windows = windows
        self._results = results
        self._embeddings = embeddings

    async def prepare(self, groups: Sequence[Group]) -> list[Item]:
        """Form windows and utterances; silent frames need no window."""
        self._windows.remember(job for group in groups for job in group)
        items = [Item(group) for group in groups]
        spoken = [item for item in items if item.group[-1].is_spoken]
        formed = await self._windows.form([item.group[-1] for item in spoken])
        for item, window in zip(spoken, formed, strict=True):
            item.window = window
        for item in items:
            for job in item.group:
                if job.frame.utterances:
                    item.utterances += await closed_in(job, self._windows)
        return items

    async def score(self, items: Sequence[Item]) -> None:
        """Fill in the outcomes; an item on which the engine fails has none."""
        if not items:
            return
        try:
            await self._score_together(items)
        except EngineError as error:
            if len(items) == 1:
                _blame(items[0], error)
                return
            log.warning("a batch failed; trying its windows one by one", reason=error.message)
            for item in items:
                await self.score([item])

    async def _score_together(self, items: Sequence[Item]) -> None:
        heard = [pcm for item in items for pcm in item.heard]
        started = time.monotonic()
        answers = iter(await self._host.score(heard) if heard else [])
        if heard and not any(item.utterances for item in items):
            self.size.measured(len(heard), time.monotonic() - started)
        now = utc_now()
        for item in items:
            await self._answer(item, [next(answers) for _ in item.heard], now)

    async def _answer(self, item: Item, answers: list[WindowScore], now: datetime) -> None:
        published = self._frames(item, answers, now)
        spoken = len(answers) - len(item.utterances)
        for utterance, answer in zip(item.utterances, answers[spoken:], strict=True):
            path = None
            if utterance.job.frame.embeddings and answer.embedding is not None:
                path = await self._embeddings.save(utterance, answer.embedding)
            outgoing = self._results.utterance(utterance, answer, path, now)
            published[_index(item.group, utterance.job)].append(outgoing)
        item.outcomes = [
            Outcome(job.delivery, publish=tuple(messages))
            for job, messages in zip(item.group, published, strict=True)
        ]

    def _frames(
        self, item: Item, answers: list[WindowScore], now: datetime
    ) -> list[list[Outgoing]]:
        if not item.window:
            return [[self._results.silent(job, now)] for job in item.group]
        scores = self._results.scored(item.group, answers[0], len(item.window), now)
        return [[score] for score in scores]


def _index(group: Group, job: FrameJob) -> int:
    return next(index for index, each in enumerate(group) if each is job)


def _blame(item: Item, error: EngineError) -> None:
    for job in item.group:
        log.error(
            "frame not scored; it stays pending",
            stream=job.delivery.stream.name,
            entry=job.delivery.entry.entry_id,
            delivery=job.delivery.deliveries,
            reason=error.message,
        )
