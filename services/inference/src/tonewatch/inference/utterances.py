"""Utterances: when VAD has closed one, the whole of it is scored with the frame that says so.

Its score is published in the same step that settles that frame, so it is as exact as a frame's:
once, and never without its frame.
"""

from dataclasses import dataclass
from typing import Final

from tonewatch.inference.frames import FrameJob
from tonewatch.inference.windows import Windows

LONGEST_MS: Final = 30_000
SHORTEST_MS: Final = 100
"""Less than this is left only where nearly all of its audio is gone."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One utterance that ended in or shortly before a frame; times from the session's start."""

    job: FrameJob
    number: int
    start_ms: int
    end_ms: int
    pcm: bytes


async def closed_in(job: FrameJob, windows: Windows) -> list[Utterance]:
    """The utterances that the frame reports as ended, with their audio.

    Of one that is longer than 30 s the last 30 s are taken, and of one whose beginning is no longer
    in the stream what is left.
    """
    found = []
    for mark in job.frame.utterances:
        if mark.end_ms is None:
            continue
        end_ms = min(mark.end_ms, 1000 * (job.frame.seq + 1))
        start_ms = max(mark.start_ms, end_ms - LONGEST_MS)
        start_ms, pcm = await windows.span(job, start_ms, end_ms)
        if end_ms - start_ms >= SHORTEST_MS and pcm:
            found.append(Utterance(job, mark.number, start_ms, end_ms, pcm))
    return found
