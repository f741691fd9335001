"""The data folder's labels become ours, and nobody is on both sides of the split."""

from pathlib import Path

import pytest

from tonewatch.shared.emotions import Emotion
from tonewatch.shared.errors import InvalidInputError
from tonewatch.training.corpus import CLASSES, HELD_OUT, LABELS, check_split, read_corpus

HEADER = "path,corpus,language,speaker,emotion,seconds\n"


def listing(folder: Path, *rows: str) -> Path:
    (folder / "speech.csv").write_text(
        HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8"
    )
    return folder


def test_calm_and_bored_are_neutral(tmp_path: Path) -> None:
    clips = read_corpus(
        listing(tmp_path, "a.opus,emodb,de,03,bored,2.0", "b.opus,ravdess,en,01,calm,2.0")
    )
    assert [clip.emotion for clip in clips] == [Emotion.NEUTRAL, Emotion.NEUTRAL]
    assert clips[0].path == tmp_path / "a.opus"


def test_a_speaker_is_held_out_with_all_clips(tmp_path: Path) -> None:
    rows = [
        f"{n}.opus,emodb,de,{speaker},angry,2.0"
        for n, speaker in enumerate(["10", "10", "03", "03"])
    ]
    clips = read_corpus(listing(tmp_path, *rows))
    assert [clip.held_out for clip in clips] == [True, True, False, False]
    check_split(clips)


def test_a_speaker_of_the_same_name_in_another_corpus_is_somebody_else(tmp_path: Path) -> None:
    (clip,) = read_corpus(listing(tmp_path, "a.opus,ravdess,en,10,angry,2.0"))
    assert "10" in HELD_OUT["emodb"]
    assert not clip.held_out


def test_a_corpus_without_held_out_speakers_is_refused(tmp_path: Path) -> None:
    clips = read_corpus(listing(tmp_path, "a.opus,newcorpus,de,1,angry,2.0"))
    with pytest.raises(InvalidInputError, match="newcorpus"):
        check_split(clips)


def test_an_unknown_emotion_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"line 3.*smug"):
        read_corpus(listing(tmp_path, "a.opus,emodb,de,1,angry,2.0", "b.opus,emodb,de,1,smug,2.0"))


def test_a_folder_without_a_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=str(tmp_path)):
        read_corpus(tmp_path)


def test_every_class_but_unknown_has_a_corpus_label() -> None:
    assert set(CLASSES) - set(LABELS.values()) == {Emotion.UNKNOWN}
