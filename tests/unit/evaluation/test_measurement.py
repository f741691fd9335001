"""Everything is heard in every scene, what fails is noted, and the report says what was asked."""

import sys
from pathlib import Path

import pytest

from tests.support.audio import sine_pcm, speech_like_pcm, write_wav
from tests.unit.evaluation.stubs import StubEngine
from tonewatch.evaluation.labelled import Listing, Segment
from tonewatch.evaluation.measurement import Options, measure
from tonewatch.evaluation.scenes import Scene
from tonewatch.shared.emotions import Emotion
from tonewatch.shared.errors import InvalidInputError

RULES = "rules:\n  - {name: anger, emotion: angry, threshold: 0.7}\n"


@pytest.fixture
def segments(tmp_path: Path) -> list[Segment]:
    call = write_wav(tmp_path / "call.wav", speech_like_pcm(6))
    return [
        Segment(path=write_wav(tmp_path / "a.wav", sine_pcm(1)), emotion=Emotion.ANGRY),
        Segment(path=write_wav(tmp_path / "b.wav", sine_pcm(1)), emotion=Emotion.SAD, place="l:2"),
        Segment(path=call, emotion=Emotion.ANGRY, end_seconds=6, place="l:3"),
    ]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path / "rules.yaml"


def always_angry() -> StubEngine:
    return StubEngine(lambda _: Emotion.ANGRY)


def test_segments_and_calls_in_every_scene(segments: list[Segment], rules: Path) -> None:
    options = Options(rules=rules, false_alarm_rate=0.1, seed=5)
    report = measure(Listing(segments), always_angry(), options, Path("data"))
    assert list(report.scenes) == list(report.alerts) == ["A", "B", "C"]
    assert report.scenes["C"]["all"].recall["angry"].value == 1.0
    assert report.scenes["C"]["all"].unweighted_recall.value == 0.5
    (alerts,) = report.alerts["A"]
    assert (alerts.rule, alerts.calls, alerts.stretches, alerts.right) == ("anger", 1, 1, 1)
    about = report.about
    assert (about.engine, about.model, about.revision) == ("stub", "stub-model", "7")
    assert (about.seed, about.false_alarm_rate, about.sounds) == (5, 0.1, "synthesised")
    assert not report.problems


def test_a_file_that_breaks_is_noted_and_the_rest_measured(
    segments: list[Segment], rules: Path
) -> None:
    segments[1].path.write_bytes(b"broken")
    segments[2].path.write_bytes(b"broken")
    options = Options(rules=rules, scenes=(Scene.B,))
    report = measure(Listing(segments), always_angry(), options, Path("data"))
    assert report.scenes["B"]["all"].segments == 1
    assert report.alerts == {"B": []}
    places = [problem.split(": ")[0] for problem in report.problems]
    assert places == ["call.wav", "l:2", "l:3"]


def test_without_any_audio_there_is_no_report(segments: list[Segment]) -> None:
    for segment in segments:
        segment.path.write_bytes(b"broken")
    with pytest.raises(InvalidInputError, match=r"(?s)l:2: .*\nl:3: "):
        measure(Listing(segments), always_angry(), Options(), Path("data"))


def test_rules_without_calls_are_told(segments: list[Segment], rules: Path) -> None:
    options = Options(rules=rules, scenes=(Scene.A,))
    report = measure(Listing(segments[:2]), always_angry(), options, Path("data"))
    assert report.alerts == {}
    assert "needs labels with start and end" in report.problems[0]


def test_rules_are_read_before_the_work(segments: list[Segment], rules: Path) -> None:
    rules.write_text("rules: [{name: x}]")
    engine = always_angry()
    with pytest.raises(Exception, match=str(rules)):
        measure(Listing(segments), engine, Options(rules=rules), Path("data"))
    assert not engine.lengths


def test_a_terminal_sees_how_far_it_is(
    segments: list[Segment],
    rules: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = Options(rules=rules, scenes=(Scene.A,))
    measure(Listing(segments), always_angry(), options, Path("data"))
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    measure(Listing(segments), always_angry(), options, Path("data"))
    out, err = capsys.readouterr()
    assert not out
    assert "scene A " in err
    assert "scene A, calls" in err
    assert "100%" in err


def test_held_out_noise_alone_is_heard(segments: list[Segment], tmp_path: Path) -> None:
    folder = tmp_path / "noise" / "keyboard"
    folder.mkdir(parents=True)
    for name in "abcde":
        (folder / f"{name}.opus").write_bytes(b"broken")
    write_wav(folder / "a.opus", sine_pcm(1))  # libsndfile looks at the content, not at the name
    write_wav(folder / "e.opus", sine_pcm(1))
    some = [segments[0]] * 12
    options = Options(sounds=tmp_path, held_out_sounds=True, scenes=(Scene.B,))
    report = measure(Listing(some), always_angry(), options, Path("data"))
    assert report.about.sounds == f"from {tmp_path}, only held-out noise"
    with pytest.raises(InvalidInputError, match=r"[bcd]\.opus cannot be read"):
        measure(
            Listing(some), always_angry(), Options(sounds=tmp_path, scenes=(Scene.B,)), Path("data")
        )
