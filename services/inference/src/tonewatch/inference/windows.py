"""Windows: the last seconds of a track that end with a frame, and whole utterances before it.

Frames lie in a bounded cache; what is missing there is fetched from the stream by the entry ids
that the frame names as its history. So any worker can form any window, and the same audio gives the
same window whether it came live or as a recording.
"""

import asyncio
import math
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tonewatch.inference.frames import BYTES_PER_SAMPLE, FrameJob, open_frame
from tonewatch.shared.broker import Broker, Entry
from tonewatch.shared.errors import InvalidMessageError
from tonewatch.shared.messages import FRAME_BYTES, SAMPLE_RATE_HZ, Frame
from tonewatch.shared.streams import Stream

_Place = tuple[str, int]
_Key = tuple[str, int, str]
"""Stream, partition and entry id: what names a frame."""


@dataclass(frozen=True, slots=True)
class _Heard:
    """What a window needs to know of a frame."""

    track: str
    seq: int
    pcm: bytes
    history: tuple[str, ...]


class Windows:
    """Forms windows of at most `window_seconds`; keeps at most `cache_frames` frames."""

    def __init__(self, broker: Broker, window_seconds: float, cache_frames: int) -> None:
        self._broker = broker
        self._bytes = BYTES_PER_SAMPLE * round(window_seconds * SAMPLE_RATE_HZ)
        # a short last frame leaves room for a part of one more second
        self._reach = math.ceil(window_seconds)
        self._cache_frames = cache_frames
        self._cache: OrderedDict[_Key, _Heard] = OrderedDict()

    def remember(self, jobs: Iterable[FrameJob]) -> None:
        """Keep frames for the windows of those that follow, whether or not they are scored."""
        for job in jobs:
            self._keep(_own_key(job), _heard_of(job.frame, job.pcm))

    async def form(self, jobs: Sequence[FrameJob]) -> list[bytes]:
        """The window of each frame, as PCM."""
        found = await self._look_up(jobs)
        return [self._join(job, found) for job in jobs]

    async def span(self, job: FrameJob, start_ms: int, end_ms: int) -> tuple[int, bytes]:
        """The PCM of a stretch that ends in or before the frame; times from the session's start.

        Returns where it begins in truth, which is later than asked for if a part is gone, and the
        PCM. A frame names only a few seconds before it; those name the ones before them.
        """
        first_seq = start_ms // 1000
        earliest = _heard_of(job.frame, job.pcm)
        parts = [job.pcm]
        while (missing := earliest.seq - first_seq) > 0 and earliest.history:
            found = await self._before(job, earliest, missing)
            if not found:
                break
            earliest = found[-1]
            parts += [heard.pcm for heard in found]
        joined_ms = 1000 * earliest.seq
        start_ms = max(start_ms, joined_ms)
        pcm = b"".join(reversed(parts))
        return start_ms, pcm[_bytes(start_ms - joined_ms) : _bytes(end_ms - joined_ms)]

    async def _before(self, job: FrameJob, heard: _Heard, most: int) -> list[_Heard]:
        """The frames that one names as its history, from the newest back, as far as they join."""
        stream, partition, _ = _own_key(job)
        keys = [(stream, partition, entry_id) for entry_id in heard.history[-most:]]
        found = await self._find(keys, {stream: job.delivery.stream})
        return list(_contiguous(heard.track, heard.seq, reversed(keys), found))

    def _join(self, job: FrameJob, found: dict[_Key, _Heard]) -> bytes:
        """Walk back from the frame until the window is full or the track is not contiguous."""
        parts, length = [job.pcm], len(job.pcm)
        back = _contiguous(job.frame.track.key, job.frame.seq, reversed(self._history(job)), found)
        for heard in back:
            if length >= self._bytes:
                break
            parts.append(heard.pcm)
            length += len(heard.pcm)
        return b"".join(reversed(parts))[-self._bytes :]

    async def _look_up(self, jobs: Sequence[FrameJob]) -> dict[_Key, _Heard]:
        """All frames that the windows may need, from the cache or else from the broker."""
        keys = [key for job in jobs for key in self._history(job)]
        streams = {job.delivery.stream.name: job.delivery.stream for job in jobs}
        return await self._find(keys, streams)

    async def _find(
        self, keys: Iterable[_Key], streams: Mapping[str, Stream]
    ) -> dict[_Key, _Heard]:
        found: dict[_Key, _Heard] = {}
        missing: dict[_Place, dict[str, None]] = defaultdict(dict)
        for key in keys:
            if key in self._cache:
                self._cache.move_to_end(key)
                found[key] = self._cache[key]
            else:
                missing[key[:2]][key[2]] = None
        fetched = await asyncio.gather(
            *(
                self._fetch(streams[name], partition, list(ids))
                for (name, partition), ids in missing.items()
            )
        )
        for some in fetched:
            found.update(some)
        return found

    async def _fetch(self, stream: Stream, partition: int, ids: list[str]) -> dict[_Key, _Heard]:
        entries = await self._broker.fetch(stream, partition, ids)
        found: dict[_Key, _Heard] = {}
        for entry_id, entry in entries.items():
            heard = _heard(stream, entry)
            if heard is not None:
                found[stream.name, partition, entry_id] = heard
                self._keep((stream.name, partition, entry_id), heard)
        return found

    def _history(self, job: FrameJob) -> list[_Key]:
        stream, partition, _ = _own_key(job)
        return [(stream, partition, entry_id) for entry_id in job.frame.history[-self._reach :]]

    def _keep(self, key: _Key, heard: _Heard) -> None:
        self._cache[key] = heard
        self._cache.move_to_end(key)
        while len(self._cache) > self._cache_frames:
            self._cache.popitem(last=False)


def _own_key(job: FrameJob) -> _Key:
    return job.delivery.stream.name, job.delivery.partition, job.delivery.entry.entry_id


def _heard(stream: Stream, entry: Entry) -> _Heard | None:
    try:
        frame, pcm = open_frame(stream, entry)
    except InvalidMessageError:
        return None  # it is turned away where it is delivered; here it ends the window
    return _heard_of(frame, pcm)


def _heard_of(frame: Frame, pcm: bytes) -> _Heard:
    return _Heard(frame.track.key, frame.seq, pcm, frame.history)


def _contiguous(
    track: str, seq: int, keys: Iterable[_Key], found: Mapping[_Key, _Heard]
) -> Iterator[_Heard]:
    """The frames before that second, from the newest back, until one is missing or too short."""
    for key in keys:
        heard, seq = found.get(key), seq - 1
        if heard is None or (heard.track, heard.seq) != (track, seq):
            return
        if len(heard.pcm) != FRAME_BYTES:
            return
        yield heard


def _bytes(milliseconds: int) -> int:
    return BYTES_PER_SAMPLE * (SAMPLE_RATE_HZ * milliseconds // 1000)
