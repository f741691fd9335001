"""The compact form of a track: stretches such as `1.5s angry 0.9 sad 0.1`, `2s silence`, `1s gap`.

Time is told in tenths of a second, which are the engine's fine steps.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

import numpy as np

from tonewatch.alerting.engine import Second, Utterance
from tonewatch.shared.emotions import EMOTIONS

TICKS: Final = 10
"""Of a second."""
TICK_MS: Final = 100
MAX_TICKS: Final = 24 * 3600 * TICKS

_STRETCH: Final = re.compile(r"(\d+(?:\.\d)?) *s +(\S.*)")
_SLACK: Final = 1e-6


class Unsaid(Enum):
    """Time without a posterior."""

    SILENCE = auto()
    GAP = auto()


Posterior = tuple[float, ...]
Tick = Posterior | Unsaid


def ticks_of_text(text: str) -> list[Tick]:
    """The ticks of one stretch.

    Raises:
        ValueError: this is no stretch.
    """
    found = _STRETCH.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'"{text}" is no stretch: write such as "1.5s angry 0.9" or "2s silence"')
    count = round(float(found[1]) * TICKS)
    if not 0 < count <= MAX_TICKS:
        raise ValueError(f'"{text}" is too short or too long: 0.1 s to a day')
    words = found[2].split()
    if words in (["silence"], ["gap"]):
        if count % TICKS:
            raise ValueError(f'"{text}": silences and gaps are whole seconds')
        return [Unsaid[words[0].upper()]] * count
    return [posterior_of(_emotions(words, text))] * count


def ticks_of_series(series: dict[str, tuple[float, ...]], step_sec: float) -> list[Tick]:
    """The ticks of values that are listed one by one, `step_sec` each.

    Raises:
        ValueError: the lists differ in length, or values are no probabilities.
    """
    lengths = {len(values) for values in series.values()}
    if len(lengths) != 1:
        raise ValueError("every emotion needs as many values as the others")
    repeat = round(step_sec * TICKS)
    rows = [
        posterior_of(dict(zip(series, values, strict=True)))
        for values in zip(*series.values(), strict=True)
    ]
    return [row for row in rows for _ in range(repeat)]


def posterior_of(named: dict[str, float]) -> Posterior:
    """Nine probabilities; emotions that are not named share the rest evenly.

    Raises:
        ValueError: an emotion is unknown, or the sum is more than 1.
    """
    for name, value in named.items():
        if name not in EMOTIONS:
            raise ValueError(f'"{name}" is no emotion (known: {", ".join(EMOTIONS)})')
        if not 0 <= value <= 1:
            raise ValueError(f"{name} {value:g} is no probability")
    rest = 1 - sum(named.values())
    if rest < -_SLACK:
        raise ValueError(f"the probabilities add up to {sum(named.values()):g}, more than 1")
    others = len(EMOTIONS) - len(named)
    share = max(0.0, rest) / others if others else 0.0
    return tuple(named.get(label, share) for label in EMOTIONS)


def seconds_of(ticks: list[Tick], start: datetime) -> Iterator[Second]:
    """The track second by second; only the last may be shorter, and it is final.

    Raises:
        ValueError: a silence or a gap does not fill whole seconds.
    """
    for seq in range(-(-len(ticks) // TICKS)):
        part = ticks[seq * TICKS : (seq + 1) * TICKS]
        captured_at = start + timedelta(seconds=seq)
        final = (seq + 1) * TICKS >= len(ticks)
        rows = [tick for tick in part if not isinstance(tick, Unsaid)]
        if rows and len(rows) < len(part):
            raise ValueError(f"second {seq} is part speech, part not: fill speech up to a second")
        if rows:
            steps = np.array(rows)
            mean = tuple(steps.mean(axis=0).tolist())
            yield Second(
                first=seq, last=seq, probabilities=mean, steps=steps, captured_at=captured_at,
                duration_ms=TICK_MS * len(part), final=final,
            )  # fmt: skip
        elif part[0] is Unsaid.SILENCE:
            yield Second(first=seq, last=seq, silent=True, captured_at=captured_at, final=final)
        else:
            yield Second(first=seq, last=seq, final=final)


def utterances_of(seconds: Iterable[Second], start: datetime) -> list[Utterance]:
    """Each stretch of seconds with speech is taken for one utterance."""
    found: list[list[Second]] = [[]]
    for second in seconds:
        if second.heard:
            found[-1].append(second)
        elif found[-1]:
            found.append([])
    return [
        Utterance(
            number=number,
            start_ms=1000 * run[0].first,
            end_ms=1000 * run[-1].first + run[-1].duration_ms,
            probabilities=tuple(np.concatenate([each.rows() for each in run]).mean(axis=0)),
            captured_at=run[0].captured_at or start,
        )
        for number, run in enumerate(each for each in found if each)
    ]


def _emotions(words: list[str], text: str) -> dict[str, float]:
    named: dict[str, float] = {}
    if len(words) == 1:
        return {words[0]: 1.0}
    try:
        for name, value in zip(words[::2], words[1::2], strict=True):
            named[name] = float(value)
    except ValueError as error:
        raise ValueError(f'"{text}": after each emotion stands its probability') from error
    return named
