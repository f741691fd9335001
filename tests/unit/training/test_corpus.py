"""The data folder's labels become ours, and nobody is on both sides of the split."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tonewatch.shared.emotions import Emotion
from tonewatch.shared.errors import InvalidInputError
from tonewatch.training.corpus import HELD_OUT, check_split, is_held_out, read_corpus

SILENCE = np.zeros(1_600, dtype=np.float32)
HEADER = "path,corpus,language,speaker,emotion,seconds\n"


def listing(folder: Path, *rows: str) -> Path:
    for row in rows:
        soundfile.write(folder / row.split(",")[0].replace("opus", "wav"), SILENCE, 16_000)
    rows = tuple(row.replace("opus", "wav") for row in rows)
    (folder / "speech.csv").write_text(
        HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8"
    )
    return folder


def test_calm_is_neutral_and_bored_is_other(tmp_path: Path) -> None:
    clips = read_corpus(
        listing(tmp_path, "a.opus,emodb,de,03,bored,2.0", "b.opus,ravdess,en,01,calm,2.0")
    )
    assert [clip.emotion for clip in clips] == [Emotion.OTHER, Emotion.NEUTRAL]
    assert clips[0].path == tmp_path / "a.wav"


def test_a_speaker_is_held_out_with_all_clips(tmp_path: Path) -> None:
    rows = [
        f"{n}.opus,emodb,de,{speaker},{emotion},2.0"
        for n, (speaker, emotion) in enumerate(product(["10", "03"], ["angry", "sad"]))
    ]
    clips = read_corpus(listing(tmp_path, *rows))
    assert [is_held_out(clip) for clip in clips] == [True, True, False, False]
    check_split(clips)


def test_a_speaker_of_the_same_name_in_another_corpus_is_somebody_else(tmp_path: Path) -> None:
    rows = ["a.opus,ravdess,en,10,angry,2.0", "b.opus,emodb,de,10,sad,2.0"]
    clips = read_corpus(listing(tmp_path, *rows))
    assert "10" in HELD_OUT["emodb"]
    assert [is_held_out(clip) for clip in clips] == [False, True]


def test_a_corpus_without_held_out_speakers_is_refused(tmp_path: Path) -> None:
    rows = [f"{emotion}.opus,newcorpus,de,1,{emotion},2.0" for emotion in ("angry", "sad")]
    clips = read_corpus(listing(tmp_path, *rows))
    with pytest.raises(InvalidInputError, match="newcorpus"):
        check_split(clips)


def test_unknown_emotions_are_named_with_their_lines(tmp_path: Path) -> None:
    rows = ["a.opus,emodb,de,1,angry,2.0", "b.opus,emodb,de,1,smug,2.0", "c.opus,x,de,1,sad,2.0"]
    with pytest.raises(InvalidInputError, match=r"speech\.csv:3.*smug"):
        read_corpus(listing(tmp_path, *rows))


def test_a_folder_without_a_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=str(tmp_path)):
        read_corpus(tmp_path)


def test_some_corpora_can_be_chosen(tmp_path: Path) -> None:
    rows = ["a.opus,emodb,de,1,angry,2.0", "b.opus,casia,zh,x,sad,2.0"]
    folder = listing(tmp_path, *rows)
    assert [clip.corpus for clip in read_corpus(folder, ["emodb"])] == ["emodb"]
    with pytest.raises(InvalidInputError, match="no clip of iemocap"):
        read_corpus(folder, ["iemocap"])
