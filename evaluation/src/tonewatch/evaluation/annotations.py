"""Labels of stretches of a call, in a file beside its audio: NIST's RTTM and Praat's TextGrid."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from textgrid import Interval, IntervalTier, TextGrid

from tonewatch.evaluation.audio import AUDIO
from tonewatch.evaluation.labelled import Listing
from tonewatch.evaluation.labels import emotion_of
from tonewatch.shared.errors import InvalidInputError

_RTTM_FIELDS: Final = 8


def read_text(file: Path) -> str:
    """The text of a file, whose line ends stay as they are.

    Raises:
        InvalidInputError: it cannot be opened, or is no UTF-8.
    """
    try:
        content = file.read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise InvalidInputError(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidInputError(f"{file}:{line} is no UTF-8 text: save it as UTF-8") from error


def read_rttm(file: Path, listing: Listing, name: str) -> None:
    """Lines `SPEAKER file channel start duration <NA> <NA> emotion <NA> <NA>` (NIST RT-09).

    The emotion stands where the format has the speaker. Lines of other types are passed over.

    Raises:
        InvalidInputError: the file is no text.
    """
    recordings = _recordings(file.parent)
    for number, line in enumerate(read_text(file).splitlines(), start=1):
        place, fields = f"{name}:{number}", line.split()
        if not fields or fields[0] != "SPEAKER":
            continue
        if len(fields) < _RTTM_FIELDS:
            listing.refuse(place, f"an RTTM line has {_RTTM_FIELDS} fields or more")
            continue
        _, recording, channel, start, duration, *_ = fields
        try:
            times = (float(start), float(start) + float(duration))
        except ValueError:
            listing.refuse(place, "the fourth and fifth field are seconds")
            continue
        path = recordings.get(recording, file.parent / f"{recording}.wav")
        voice = int(channel) if channel.isdecimal() and channel != "0" else None
        listing.label(place, fields[7], path, times=times, channel=voice)


def read_textgrid(file: Path, listing: Listing, name: str) -> None:
    """Praat's intervals: every labelled one of a tier is a segment, the tier is the speaker.

    Of a tier without any emotion (words, notes) it is said once that it is left out.
    """
    try:
        grid = TextGrid.fromFile(str(file))
    except Exception as error:  # noqa: BLE001 - the library raises whatever its parser meets
        listing.refuse(name, f"is no TextGrid that can be read ({error})")
        return
    path = _recordings(file.parent).get(file.stem, file.with_suffix(".wav"))
    for tier in grid.tiers:
        marked = _marked(tier)
        if marked and all(emotion_of(interval.mark) is None for interval in marked):
            listing.refuse(f"{name}, {tier.name}", "none of the labels of this tier is an emotion")
            continue
        for interval in marked:
            times = (float(interval.minTime), float(interval.maxTime))
            place = f"{name}, {tier.name} at {times[0]:g} s"
            listing.label(place, interval.mark.strip(), path, times=times, speaker=tier.name)


def _marked(tier: object) -> Sequence[Interval]:
    """The intervals of a tier that carry a label; tiers of points have none."""
    if not isinstance(tier, IntervalTier):
        return []
    return [interval for interval in tier if interval.mark.strip()]


def _recordings(folder: Path) -> Mapping[str, Path]:
    """The audio files of a folder by their name without suffix."""
    files = sorted(folder.iterdir(), reverse=True)  # of several of a name the first stays
    return {path.stem: path for path in files if path.suffix.lower() in AUDIO}
