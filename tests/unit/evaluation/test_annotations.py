"""RTTM and TextGrid: stretches of a call, labelled in a file beside it."""

from pathlib import Path

import pytest
from textgrid import IntervalTier, PointTier, TextGrid

from tests.support.audio import sine_pcm, write_wav
from tonewatch.evaluation.annotations import read_rttm, read_textgrid
from tonewatch.evaluation.labelled import Listing
from tonewatch.shared.emotions import Emotion


@pytest.fixture
def call(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "call.WAV", sine_pcm(0.5))


def rttm(call: Path, *lines: str) -> Listing:
    file, listing = call.with_suffix(".rttm"), Listing()
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    read_rttm(file, listing, file.name)
    return listing


def test_rttm_beside_the_audio(call: Path) -> None:
    listing = rttm(
        call,
        ";; a comment",
        "SPKR-INFO call 1 <NA> <NA> <NA> unknown angry <NA>",
        "SPEAKER call 1 0.00 0.20 <NA> <NA> angry <NA> <NA>",
        "SPEAKER call <NA> 0.20 0.20 <NA> <NA> neutral <NA> <NA>",
        "SPEAKER call 1 0.40",
        "SPEAKER call 1 x 0.20 <NA> <NA> neutral <NA> <NA>",
        "SPEAKER call 1 0.4 0.1 <NA> <NA> agent <NA> <NA>",
    )
    found = [(each.start_seconds, each.end_seconds, each.channel) for each in listing.segments]
    assert found == [(0.0, 0.2, 1), (0.2, 0.4, None)]
    assert {each.path for each in listing.segments} == {call}
    assert [each.place for each in listing.problems] == [
        "call.rttm:5",
        "call.rttm:6",
        "call.rttm:7",
    ]


@pytest.mark.parametrize("name", ["/etc/passwd", "../call", "[*", "other"])
def test_rttm_names_only_recordings_beside_it(call: Path, name: str) -> None:
    listing = rttm(call, f"SPEAKER {name} 1 0.00 0.20 <NA> <NA> angry <NA> <NA>")
    assert not listing.segments
    assert "does not exist" in listing.problems[0].message


def grid(call: Path, *tiers: IntervalTier | PointTier) -> Listing:
    made, listing = TextGrid(maxTime=0.5), Listing()
    for tier in tiers:
        made.append(tier)
    file = call.with_suffix(".TextGrid")
    made.write(str(file))
    read_textgrid(file, listing, file.name)
    return listing


def tier(name: str, *marks: str) -> IntervalTier:
    made = IntervalTier(name, 0, 0.1 * len(marks))
    for number, mark in enumerate(marks):
        made.add(0.1 * number, 0.1 * (number + 1), mark)
    return made


def test_textgrid_beside_the_audio(call: Path) -> None:
    listing = grid(call, tier("agent", "angry", " ", "neutral"), tier("customer", "sad", "smug"))
    found = [(each.speaker, each.emotion, each.path) for each in listing.segments]
    assert found == [
        ("agent", Emotion.ANGRY, call),
        ("agent", Emotion.NEUTRAL, call),
        ("customer", Emotion.SAD, call),
    ]
    (problem,) = listing.problems
    assert problem.place == "call.TextGrid, customer at 0.1 s"
    assert "smug" in problem.message


def test_a_tier_of_words_is_left_out_as_a_whole(call: Path) -> None:
    points = PointTier("clicks", 0, 0.5)
    points.add(0.2, "angry")
    listing = grid(call, tier("words", "good", "morning"), tier("mood", "angry"), points)
    assert [each.speaker for each in listing.segments] == ["mood"]
    assert [each.place for each in listing.problems] == ["call.TextGrid, words"]


def test_what_is_no_textgrid_is_told(call: Path) -> None:
    file, listing = call.with_suffix(".TextGrid"), Listing()
    file.write_text("nonsense")
    read_textgrid(file, listing, file.name)
    assert "no TextGrid" in listing.problems[0].message
