"""Labels are read from every format; mistakes are named with their lines, and the rest is used."""

from pathlib import Path

import pytest

from tests.support.audio import sine_pcm, write_wav
from tonewatch.evaluation.readers import read_labels
from tonewatch.shared.emotions import Emotion
from tonewatch.shared.errors import InvalidInputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "b", "call"):
        write_wav(tmp_path / f"{name}.wav", sine_pcm(0.5))
    return tmp_path


def csv(folder: Path, *rows: str, header: str = "path,emotion,speaker,start,end") -> Path:
    file = folder / "labels.csv"
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return file


def test_a_csv_is_read_with_all_its_columns(folder: Path) -> None:
    listing = read_labels(csv(folder, "a.wav,angry,03,,", "b.wav,中立,04,0.1,0.4"))
    first, second = listing.segments
    assert (first.emotion, first.speaker, first.is_whole_file) == (Emotion.ANGRY, "03", True)
    assert (second.emotion, second.start_seconds, second.end_seconds) == (
        Emotion.NEUTRAL,
        0.1,
        0.4,
    )
    assert not listing.problems


def test_all_mistakes_of_a_csv_are_named_with_their_lines(folder: Path) -> None:
    listing = read_labels(
        csv(
            folder,
            "a.wav,angry,,,",
            "b.wav,neutral,,,",
            "gone.wav,angry,,,",
            "b.wav,grumpy,,,",
            "call.wav,sad,,0.4,0.1",
            "call.wav,sad,,zero,1",
            "call.wav,sad,,0,0.3",
            "call.wav,happy,,0.2,0.4",
        )
    )
    told = {problem.place: problem.message for problem in listing.problems}
    assert set(told) == {f"labels.csv:{line}" for line in (4, 5, 6, 7, 9)}
    assert "does not exist" in told["labels.csv:4"]
    assert "grumpy" in told["labels.csv:5"]
    assert "0.4 to 0.1" in told["labels.csv:6"]
    assert "zero" in told["labels.csv:7"]
    assert "overlaps the segment of labels.csv:8" in told["labels.csv:9"]
    assert len(listing.segments) == 3


def test_a_csv_without_the_columns_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match="no column emotion, path"):
        read_labels(csv(folder, "a", header="file"))


def test_one_class_alone_is_told_and_kept(folder: Path) -> None:
    listing = read_labels(csv(folder, "a.wav,angry,,,", "b.wav,anger,,,"))
    assert len(listing.segments) == 2
    (problem,) = listing.problems
    assert str(problem).startswith("labels.csv: every usable label is angry")


def test_an_empty_list_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match="no label that can be used"):
        read_labels(csv(folder))


def test_lines_are_those_of_an_editor(folder: Path) -> None:
    listing = read_labels(
        csv(folder, "", "a.wav,angry,,,", '"b.wav",neutral,"two\nlines",,', "gone.wav,sad,,,")
    )
    assert [segment.place for segment in listing.segments] == ["labels.csv:3", "labels.csv:5"]
    assert [problem.place for problem in listing.problems] == ["labels.csv:6"]


def test_columns_may_be_spelt_and_spaced_freely(folder: Path) -> None:
    rows = ["a.wav, Angry ,2", "b.wav,neutral,"]
    listing = read_labels(csv(folder, *rows, header="\ufeffPath, Emotion,CHANNEL"))
    assert [(each.emotion, each.channel) for each in listing.segments] == [
        (Emotion.ANGRY, 2),
        (Emotion.NEUTRAL, None),
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.wav,angry,,,,surplus", "more fields than columns"),
        (",angry,,,", "names no file"),
        ("a.wav", '"" is no known emotion'),
        ("a.wav,angry,,nan,", "seconds from 0 on"),
    ],
)
def test_a_crooked_row_is_refused_by_itself(folder: Path, row: str, message: str) -> None:
    listing = read_labels(csv(folder, "b.wav,angry,,,", "call.wav,sad,,,", row))
    (problem,) = listing.problems
    assert problem.place == "labels.csv:4"
    assert message in problem.message
    assert len(listing.segments) == 2


@pytest.mark.parametrize("channel", ["0", "-1", "left"])
def test_channels_count_from_one(folder: Path, channel: str) -> None:
    rows = ["a.wav,angry,", "b.wav,sad,", f"call.wav,sad,{channel}"]
    listing = read_labels(csv(folder, *rows, header="path,emotion,channel"))
    assert [problem.place for problem in listing.problems] == ["labels.csv:4"]


def test_a_list_in_another_encoding_is_named_with_its_line(folder: Path) -> None:
    (folder / "labels.csv").write_bytes("path,emotion\na.wav,angry\nb.wav,生气\n".encode("gbk"))
    with pytest.raises(InvalidInputError, match=r"labels.csv:3 is no UTF-8"):
        read_labels(folder / "labels.csv")


def test_what_csv_cannot_parse_ends_the_list_there(folder: Path) -> None:
    long = "x" * 200_000  # beyond csv.field_size_limit
    listing = read_labels(csv(folder, "a.wav,angry,,,", "b.wav,sad,,,", f"{long},sad,,,"))
    assert len(listing.segments) == 2
    assert "cannot be read from here on" in listing.problems[0].message


def test_a_folder_with_a_list_is_read_by_it(folder: Path) -> None:
    csv(folder, "a.wav,angry,,,", "b.wav,sad,,,").rename(folder / "speech.csv")
    assert [segment.place for segment in read_labels(folder).segments] == [
        "speech.csv:2",
        "speech.csv:3",
    ]


def test_a_broken_file_of_a_folder_leaves_the_others(folder: Path) -> None:
    for name in ("angry", "sad"):
        (folder / name).mkdir()
        write_wav(folder / name / "x.wav", sine_pcm(0.5))
    (folder / "sad" / "call.rttm").write_bytes(b"\xff\xfe\xff")
    listing = read_labels(folder)
    assert len(listing.segments) == 2
    assert [problem.place for problem in listing.problems] == ["sad/call.rttm"]


def test_folders_may_be_called_as_emotions(folder: Path) -> None:
    for name in ("angry", "生气", "neutral", "notes"):
        (folder / "set" / name).mkdir(parents=True)
        write_wav(folder / "set" / name / "x.wav", sine_pcm(0.5))
    found = [segment.emotion for segment in read_labels(folder / "set").segments]
    assert sorted(found) == [Emotion.ANGRY, Emotion.ANGRY, Emotion.NEUTRAL]


def test_what_is_no_list_is_refused(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match="neither a folder nor a file of labels"):
        read_labels(folder / "a.wav")
