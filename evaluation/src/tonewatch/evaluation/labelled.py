"""Labelled audio: which stretch of which file carries which emotion, and what cannot be used."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from tonewatch.evaluation.labels import KNOWN, emotion_of
from tonewatch.shared.emotions import EMOTIONS, Emotion
from tonewatch.shared.errors import InvalidInputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of a recording with one emotion; without an end it is the whole file."""

    path: Path
    emotion: Emotion
    start_seconds: float = 0.0
    end_seconds: float | None = None
    channel: int | None = None
    """Of a recording with several, counted from 1; None: all of them, mixed."""
    corpus: str = ""
    speaker: str = ""
    language: str = ""
    gender: str = ""
    place: str = ""
    """Where the label stands, for messages: `speech.csv:12`."""

    @property
    def is_whole_file(self) -> bool:
        """Whether the label speaks of the whole file."""
        return self.end_seconds is None


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake and where it stands."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"

    @property
    def order(self) -> list[tuple[int, str]]:
        """Sorts places as people do: line 9 stands before line 10."""
        parts = re.split(r"(\d+)", self.place)
        return [(int(part) if part.isdigit() else -1, part) for part in parts]


@dataclass(slots=True)
class Listing:
    """What could be read of a list of labels, and what could not."""

    segments: list[Segment] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    _told: set[Problem] = field(default_factory=set, init=False, repr=False)

    def refuse(self, place: str, message: str) -> None:
        """Note a mistake, once; the rest is used all the same."""
        problem = Problem(place, message)
        if problem not in self._told:
            self._told.add(problem)
            self.problems.append(problem)

    def drop(self, mistaken: Iterable[tuple[Segment, str]]) -> None:
        """Leave segments out, each because of a mistake."""
        dropped = set()
        for segment, message in mistaken:
            self.refuse(segment.place, message)
            dropped.add(id(segment))
        self.segments = [each for each in self.segments if id(each) not in dropped]

    def label(
        self,
        place: str,
        word: str,
        path: Path,
        *,
        times: tuple[float, float | None] = (0.0, None),
        channel: int | None = None,
        **groups: str,
    ) -> None:
        """Take a label in, or note why it cannot be used.

        `times` are start and end in seconds; `groups` are corpus, speaker, language and gender.
        """
        start, end = times
        if (emotion := emotion_of(word)) is None:
            known = f"{', '.join(EMOTIONS)}, and {len(KNOWN) - len(EMOTIONS)} other words for them"
            self.refuse(place, f'"{word}" is no known emotion ({known})')
        elif (mistake := _mistake_of(start, end)) is not None:
            self.refuse(place, mistake)
        elif not path.is_file():
            self.refuse(place, f"{path} does not exist")
        else:
            self.segments.append(
                Segment(
                    path=path,
                    emotion=emotion,
                    start_seconds=start,
                    end_seconds=end,
                    channel=channel,
                    place=place,
                    **groups,
                )
            )

    def check(self, name: str) -> None:
        """Note overlapping segments, and if all are of one class; `name` is the list's.

        Raises:
            InvalidInputError: no label can be used.
        """
        self.drop(
            (later, f"overlaps the segment of {earlier.place}")
            for earlier, later in _overlaps(self.segments)
        )
        found = {segment.emotion for segment in self.segments}
        if len(found) == 1:
            self.refuse(
                name,
                f"every usable label is {found.pop()}: without a second emotion only its recall"
                " can be measured, nothing can be told apart",
            )
        self.require()

    def require(self) -> None:
        """Refuse to go on without any segment.

        Raises:
            InvalidInputError: there is none; it names all mistakes.
        """
        if not self.segments:
            raise InvalidInputError(
                "\n".join([*map(str, self.in_order()), "there is no label that can be used"])
            )

    def in_order(self) -> list[Problem]:
        """The mistakes in the order of their places."""
        return sorted(self.problems, key=lambda problem: problem.order)


def _mistake_of(start: float, end: float | None) -> str | None:
    """What is wrong with the times of a segment."""
    if not isfinite(start) or start < 0 or (end is not None and not isfinite(end)):
        return f"start and end are seconds from 0 on, not {start:g} and {end}"
    if end is not None and end <= start:
        return f"a segment cannot last from {start:g} to {end:g} s"
    return None


def _overlaps(segments: Iterable[Segment]) -> list[tuple[Segment, Segment]]:
    """Pairs of segments of one voice that overlap; the later of them is in one pair."""
    found = []
    last: dict[tuple[Path, int | None, str], Segment] = {}
    for segment in sorted(segments, key=lambda each: (each.path, each.start_seconds)):
        voice = segment.path, segment.channel, segment.speaker
        before = last.get(voice)
        if before is not None and _end(before) > segment.start_seconds:
            found.append((before, segment))
        else:
            last[voice] = segment
    return found


def _end(segment: Segment) -> float:
    return float("inf") if segment.end_seconds is None else segment.end_seconds
