"""The rules' words, applied to a whole track at once: slow, and easy to believe.

A track is a list of seconds; each is ten posteriors (heard), SILENT or UNHEARD. It is spelt as a
text with a letter for each tenth of a second: H holds; m does not hold, but is above the resolve
level; n does not hold; s silent; g unheard.
"""

import re
from collections.abc import Sequence
from typing import Final

from tonewatch.alerting.engine import Timing
from tonewatch.alerting.rules import Rule
from tonewatch.shared.emotions import EMOTIONS, Emotion

TICK_MS: Final = 100
TICKS: Final = 10
SILENT: Final = "s"
UNHEARD: Final = "g"

Posterior = tuple[float, ...]
HeardOrNot = list[Posterior] | str
Said = tuple[str, int, int]
"""firing or resolved; when the condition began, and when this was said, in ms of the track."""


def expected(rule: Rule, seconds: Sequence[HeardOrNot], timing: Timing) -> list[Said]:
    """What the rule says of a track; what fires at its end resolves there."""
    said = _expected(rule, list(seconds), timing)
    if said and said[-1][0] == "firing":
        said.append(("resolved", said[-1][1], 1000 * len(seconds)))
    return said


def _expected(rule: Rule, seconds: list[HeardOrNot], timing: Timing) -> list[Said]:
    if rule.no_data is not None:
        return _silence(rule, spell(rule, seconds), _calm_ticks(rule, timing, 0.0))
    tolerance = rule.gap_tolerance_sec
    tolerance_ticks = round(10 * (timing.gap_tolerance if tolerance is None else tolerance))
    calm = _calm_ticks(rule, timing, timing.resolve_after)
    if rule.sequence is not None:
        return _sequence(rule, seconds, tolerance_ticks, calm)
    if rule.share is not None:
        return _share(rule, spell(rule, seconds), tolerance_ticks, calm)
    dips = round(10 * timing.dip_tolerance)
    return _row(spell(rule, seconds), round(10 * rule.duration_sec), tolerance_ticks, dips, calm)


def _calm_ticks(rule: Rule, timing: Timing, default: float) -> int:
    after = rule.resolve.after_sec
    return round(10 * (default if after is None else after))


def spell(rule: Rule, seconds: list[HeardOrNot]) -> str:
    """The track in letters, as the rule hears it."""
    text = ""
    speech: list[list[Posterior]] = []
    for second in seconds:
        if isinstance(second, str):
            text += TICKS * second
            continue
        mean = _mean(rule, speech)
        text += "".join(_letter(rule, posterior, mean) for posterior in second)
        speech.append(second)
    return text


def _mean(rule: Rule, speech: list[list[Posterior]]) -> Posterior | None:
    if rule.change is None:
        return (0.0,) * len(EMOTIONS)
    first = speech[: -(-int(10 * rule.change.baseline_sec) // 10)]
    if len(first) < rule.change.baseline_sec:
        return None
    ticks = [posterior for second in first for posterior in second]
    return tuple(sum(column) / len(ticks) for column in zip(*ticks, strict=True))


def _letter(rule: Rule, posterior: Posterior, mean: Posterior | None) -> str:
    def p(emotion: Emotion) -> float:
        return posterior[EMOTIONS.index(emotion)]

    if rule.combination is not None:
        weights = rule.combination.weights
        value = round(sum(weights.get(e, 1.0) * p(e) for e in rule.combination.emotions), 6)
        holds, bound = value >= rule.combination.min_sum, rule.combination.min_sum
    elif rule.change is not None:
        if mean is None:
            return "n"
        value = max(p(e) - mean[EMOTIONS.index(e)] for e in rule.change.emotion)
        holds, bound = value > rule.change.rise, rule.change.rise
    else:
        assert rule.threshold is not None or rule.no_data is not None
        bound = rule.threshold or 0.0
        value = max((round(p(e), 6) for e in rule.emotion or ()), default=0.0)
        holds = value > bound
    level = bound if rule.resolve.level is None else rule.resolve.level
    return "H" if holds else "m" if value > level else "n"


def _row(text: str, needed: int, tolerance: int, dips: int, calm: int) -> list[Said]:
    said: list[Said] = []
    begin = 0
    pause = f"[sg]{{0,{tolerance}}}"
    row = re.compile(f"H(?:{pause}(?:[mn]{pause}){{0,{dips}}}H){{{needed - 1}}}")
    while found := row.search(text, begin):
        said.append(("firing", TICK_MS * found.start(), TICK_MS * found.end()))
        over = _resolved(text, found.end(), tolerance, calm)
        if over is None:
            return said
        said.append(("resolved", TICK_MS * found.start(), TICK_MS * over))
        begin = over
    return said


def _resolved(text: str, fired: int, tolerance: int, calm: int) -> int | None:
    for now in range(fired + 1, len(text) + 1):
        loud = [at for at in range(fired - 1, now) if text[at] in "Hm"]
        since = text[loud[-1] + 1 : now]
        pauses = re.finditer("[sg]+", since)
        silent = sum(pause.group()[tolerance:].count("s") for pause in pauses)
        if since.count("n") + silent >= calm and text[now - 1] != "g":
            return now
    return None


def _share(rule: Rule, text: str, tolerance: int, calm: int) -> list[Said]:
    assert rule.share is not None
    needed, window = round(10 * rule.share.at_least_sec), rule.share.of_last_sec
    said: list[Said] = []
    begin, start, quiet, below = 0, None, 0, 0
    for now, letter in enumerate(text):
        oldest = max(begin, TICKS * (now // TICKS - window + 1))
        held = [at for at in range(oldest, now + 1) if text[at] == "H"]
        quiet = quiet + 1 if letter in "sg" else 0
        if start is None:
            if len(held) >= needed and letter == "H":
                start, below = held[0], 0
                said.append(("firing", TICK_MS * start, TICK_MS * (now + 1)))
            continue
        if letter in "Hn":
            below = 0 if letter == "H" or len(held) >= needed else below + 1
        elif letter == "s" and quiet > tolerance:
            below += 1
        if below >= calm:
            said.append(("resolved", TICK_MS * start, TICK_MS * (now + 1)))
            begin, start = now + 1, None
    return said


def _silence(rule: Rule, text: str, calm: int) -> list[Said]:
    """Unheard time neither lengthens a silence nor ends it."""
    assert rule.no_data is not None
    needed = round(10 * rule.no_data.longer_than_sec)
    said: list[Said] = []
    start, silent, spoken = None, 0, 0
    fired = False
    for now, letter in enumerate(text):
        if letter == "s":
            start = now if start is None else start
            silent, spoken = silent + 1, 0
            if silent == needed + 1 and not fired:
                fired = True
                said.append(("firing", TICK_MS * start, TICK_MS * now))
        elif letter != "g" and start is not None:
            spoken += 1
            if fired and spoken >= calm:
                at = now if calm == 0 else now + 1
                said.append(("resolved", TICK_MS * start, TICK_MS * at))
            if not fired or spoken >= calm:
                start, silent, spoken, fired = None, 0, 0, False
    return said


def _sequence(rule: Rule, seconds: list[HeardOrNot], tolerance: int, calm: int) -> list[Said]:
    """Stage by stage over the whole track: from when on is a chain of so many stages complete?"""
    assert rule.sequence is not None
    within = round(10 * rule.sequence.within_sec)
    stages = [
        Rule(name="stage", emotion=stage.emotion, threshold=stage.threshold, resolve=rule.resolve)
        if stage is rule.sequence.stages[-1]
        else Rule(name="stage", emotion=stage.emotion, threshold=stage.threshold)
        for stage in rule.sequence.stages
    ]
    texts = [spell(stage, seconds) for stage in stages]
    lengths = [round(10 * stage.duration_sec) for stage in rule.sequence.stages]
    said: list[Said] = []
    begin = 0
    while True:
        origins = _first_stage(texts[0], begin, lengths[0], tolerance)
        for text, needed in zip(texts[1:-1], lengths[1:-1], strict=True):
            origins = _next_stage(text, begin, origins, needed, tolerance, within)
        last = _next_stage(texts[-1], begin, origins, lengths[-1], tolerance, within)
        complete = [now for now, origin in enumerate(last) if origin is not None]
        if not complete:
            return said
        now = complete[0]
        start = last[now]
        assert start is not None
        said.append(("firing", TICK_MS * start, TICK_MS * (now + 1)))
        over = _resolved(texts[-1], now + 1, tolerance, calm)
        if over is None:
            return said
        said.append(("resolved", TICK_MS * start, TICK_MS * over))
        begin = over


Origins = list[int | None]
"""By tick: the latest origin of a chain that is complete with this tick."""


def _first_stage(text: str, begin: int, needed: int, tolerance: int) -> Origins:
    origins: Origins = []
    held = quiet = 0
    newest = None
    for now, letter in enumerate(text):
        quiet = quiet + 1 if letter in "sg" else 0
        if now < begin:
            origins.append(None)
            continue
        if letter == "H":
            held += 1
        elif letter in "mn" or quiet > tolerance:
            held = 0
        if letter == "H" and held >= needed:
            newest = now + 1
        origins.append(newest)
    return origins


def _next_stage(
    text: str, begin: int, before: Origins, needed: int, tolerance: int, within: int
) -> Origins:
    origins: Origins = []
    held = quiet = 0
    source: int | None = None
    newest: int | None = None
    for now, letter in enumerate(text):
        quiet = quiet + 1 if letter in "sg" else 0
        if now < begin:
            origins.append(None)
            continue
        if letter in "mn" or quiet > tolerance:
            held, source = 0, None
        elif letter == "H":
            if source is None or now - source > within:
                candidate = before[now - 1] if now else None
                usable = candidate is not None and now - candidate <= within
                held, source = 0, candidate if usable else None
            if source is not None:
                held += 1
                if held >= needed and now + 1 - (held - needed) - source <= within:
                    newest = source if newest is None else max(newest, source)
        origins.append(newest)
    return origins
