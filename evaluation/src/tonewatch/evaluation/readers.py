"""Reads labels: a CSV, a folder whose folders are emotions, RTTM or TextGrid beside the audio."""

import csv
from collections.abc import Callable, Mapping
from io import StringIO
from pathlib import Path
from typing import Final

from tonewatch.evaluation.annotations import read_rttm, read_text, read_textgrid
from tonewatch.evaluation.audio import AUDIO
from tonewatch.evaluation.labelled import Listing
from tonewatch.evaluation.labels import emotion_of
from tonewatch.shared.errors import InvalidInputError

_GROUPS: Final = ("corpus", "speaker", "language", "gender")


def read_labels(source: Path) -> Listing:
    """Everything that carries a label; what cannot be used is in `problems`, with its line.

    Raises:
        InvalidInputError: there is no such file or folder, or nothing in it can be used.
    """
    listing = Listing()
    if source.is_dir():
        listed = source / "speech.csv"
        if listed.is_file():
            _read_csv(listed, listing, listed.name)
        else:
            _read_folder(source, listing)
    elif (reader := _READERS.get(source.suffix.lower())) is not None and source.is_file():
        reader(source, listing, source.name)
    else:
        raise InvalidInputError(
            f"{source} is neither a folder nor a file of labels ({', '.join(_READERS)})"
        )
    listing.check(source.name)
    return listing


def _read_csv(file: Path, listing: Listing, name: str) -> None:
    """Columns path and emotion; if there, start, end (seconds), channel and the groups."""
    rows = csv.DictReader(StringIO(read_text(file), newline=""))
    try:
        rows.fieldnames = [column.strip().casefold() for column in rows.fieldnames or ()]
        missing = {"path", "emotion"} - set(rows.fieldnames)
        if missing:
            raise InvalidInputError(f"{name}:1: no column {', '.join(sorted(missing))}")
        for row in rows:
            # not a count of rows: blank lines and line breaks in quotes are lines, too
            _read_row(row, f"{name}:{rows.line_num}", file.parent, listing)
    except csv.Error as error:
        listing.refuse(f"{name}:{rows.line_num}", f"cannot be read from here on ({error})")


def _read_row(row: Mapping[str, str | None], place: str, folder: Path, listing: Listing) -> None:
    if None in row:  # where DictReader puts what stands beyond the last column
        listing.refuse(place, "has more fields than columns: quote what contains commas")
        return
    given = {column: (value or "").strip() for column, value in row.items()}
    if not given["path"]:
        listing.refuse(place, "names no file")
        return
    start, end, channel = (given.get(column, "") for column in ("start", "end", "channel"))
    try:
        times = (float(start or 0), float(end) if end else None)
        number = _channel(channel)
    except ValueError:
        listing.refuse(
            place,
            "start and end are seconds, a channel counts from 1: "
            f'"{start}", "{end}", "{channel}" will not do',
        )
        return
    groups = {column: given.get(column, "") for column in _GROUPS}
    path = folder / given["path"]
    listing.label(place, given["emotion"], path, times=times, channel=number, **groups)


def _channel(text: str) -> int | None:
    number = int(text) if text else None
    if number is not None and number < 1:
        raise ValueError(text)
    return number


def _read_folder(folder: Path, listing: Listing) -> None:
    """Files inside folders that are called as an emotion, and files with labels beside them."""
    for path in sorted(folder.rglob("*")):
        place, suffix = str(path.relative_to(folder)), path.suffix.lower()
        if suffix in {".rttm", ".textgrid"}:
            try:
                _READERS[suffix](path, listing, place)
            except InvalidInputError as error:
                listing.refuse(place, error.message)
        elif suffix in AUDIO and emotion_of(path.parent.name) is not None:
            listing.label(place, path.parent.name, path)


_READERS: Final[Mapping[str, Callable[[Path, Listing, str], None]]] = {
    ".csv": _read_csv,
    ".rttm": read_rttm,
    ".textgrid": read_textgrid,
}
