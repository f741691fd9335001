"""The command: labels in, a page and figures out; its exit status says if some were left out."""

import json
import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.support.audio import silence_pcm, sine_pcm, speech_like_pcm, write_wav
from tonewatch.evaluation.main import LEFT_OUT, app

DASH = "\N{EN DASH}"

RULES = """
rules:
  - {name: anger, emotion: angry, threshold: 0.6, duration_sec: 2}
  - {name: calm, emotion: neutral, threshold: 0.6}
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Loud clips (angry to the fake engine) and quiet ones; some labels are wrong on purpose."""
    rows = ["path,emotion,corpus,speaker,language,gender,start,end"]
    for number in range(24):
        loud = number % 2
        name = f"{number}.wav"
        write_wav(tmp_path / name, sine_pcm(1.5 + number / 4, amplitude=0.9 if loud else 0.02))
        label = ("neutral", "angry")[loud if number % 7 else 1 - loud]
        label = "surprised" if number % 11 == 3 else label
        rows.append(f"{name},{label},corpus{number // 2 % 2},{number % 4},zh,{'fm'[loud]},,")
    for name in ("call", "other"):
        quiet, loud_pcm = speech_like_pcm(5, amplitude=0.02), speech_like_pcm(5, amplitude=1.0)
        write_wav(tmp_path / f"{name}.wav", quiet + loud_pcm + silence_pcm(2) + quiet)
    rows += ["call.wav,neutral,calls,9,zh,f,0,5", "call.wav,angry,calls,9,zh,f,5,10"]
    rows += ["other.wav,neutral,calls,9,zh,f,0,5"]
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "rules.yaml").write_text(RULES)
    return tmp_path


def evaluate(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [*map(str, arguments), "--engine", "fake"])
    return result.exit_code, result.output


class Tables(HTMLParser):
    """The rows of every table by its id, each a list of the texts of its cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: dict[str, list[list[str]]] = {}
        self._table, self._in_cell = "", False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._table = dict(attrs)["id"] or ""
            self.rows[self._table] = []
        elif tag == "tr":
            self.rows[self._table].append([])
        elif tag in {"th", "td"}:
            self.rows[self._table][-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in {"th", "td"}

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[self._table][-1][-1] += data


def percent(found: Mapping[str, float]) -> str:
    value, low, high = (f"{100 * found[name]:.1f}" for name in ("value", "low", "high"))
    return f"{value} {low}{DASH}{high}"


def plain(found: Mapping[str, float], digits: int) -> str:
    value, low, high = (f"{found[name]:.{digits}f}" for name in ("value", "low", "high"))
    return f"{value} {low}{DASH}{high}"


def expected_tables(report: Mapping[str, Any]) -> dict[str, list[list[str]]]:
    """What the page has to say, worked out from the JSON file alone."""
    tables: dict[str, list[list[str]]] = {}
    for scene, all_groups in report["scenes"].items():
        groups = {name: g for name, g in all_groups.items() if not name.startswith("speaker")}
        tables[f"utterances-{scene}"] = [
            [
                name,
                percent(g["unweighted_recall"]),
                percent(g["unweighted_recall_own_labels"]),
                percent(g["accuracy"]),
                str(len(g["recall"])),
                str(g["segments"]),
                str(g["speakers"]),
            ]
            for name, g in groups.items()
        ]
        counts = [sum(row) for row in groups["all"]["confusion"] if sum(row)]
        emotions = groups["all"]["recall"]
        tables[f"emotions-{scene}"] = [
            [name, percent(recall), percent(groups["all"]["f1"][name]), str(count)]
            for (name, recall), count in zip(emotions.items(), counts, strict=True)
        ]
        tables[f"abnormal-{scene}"] = [
            [
                name,
                plain(a["auc"], 3),
                percent(a["false_alarms"]),
                f"{a['threshold']:.3f}",
                percent(a["recall"]),
                f"{a['recall_threshold']:.3f}",
                f"{a['calibration_error']:.3f}",
                str(a["windows"]),
                str(a["abnormal_windows"]),
            ]
            for name, g in groups.items()
            if (a := g["abnormal"]) is not None
        ]
        tables[f"alerts-{scene}"] = [
            [
                rule["rule"],
                str(rule["calls"]),
                f"{rule['hours']:.2f}",
                *(str(rule[key]) for key in ("stretches", "found", "missed", "right", "false")),
                plain(rule["false_per_hour"], 1),
                DASH if (delay := rule["mean_delay_seconds"]) is None else f"{delay:.1f} s",
            ]
            for rule in report["alerts"][scene]
        ]
    first = next(iter(report["scenes"].values()))
    tables["speakers"] = [
        [
            name.removeprefix("speaker: "),
            str(group["segments"]),
            str(len(group["recall"])),
            *(percent(groups[name]["unweighted_recall"]) for groups in report["scenes"].values()),
        ]
        for name, group in first.items()
        if name.startswith("speaker")
    ]
    return tables


def test_numbers_of_page_and_file_agree(data: Path) -> None:
    out = data / "out"
    status, said = evaluate(data / "labels.csv", "--out", out, "--rules", data / "rules.yaml")
    assert status == 0, said
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    page = (out / "report.html").read_text(encoding="utf-8")
    assert list(report["scenes"]) == ["A", "B", "C"]
    assert 0.5 < report["scenes"]["A"]["all"]["unweighted_recall"]["value"] < 1
    expected = expected_tables(report)
    shown = {name: rows[1:] for name, rows in Tables(page).rows.items()}  # without the headings
    assert shown == expected
    assert all(expected.values())
    for scene, groups in report["scenes"].items():
        assert f"{scene}: AUC {groups['all']['abnormal']['auc']['value']:.3f}" in page
        assert f"{scene}: ECE {groups['all']['abnormal']['calibration_error']:.3f}" in page
        assert f"{100 * groups['all']['accuracy']['value']:.1f}%" in said.replace("  ", " ")
    (anger, _) = report["alerts"]["A"]
    assert (anger["calls"], anger["stretches"], anger["found"], anger["false"]) == (2, 1, 1, 1)


def test_the_page_needs_nothing_else(data: Path) -> None:
    evaluate(data / "labels.csv", "--out", data / "out", "--scenes", "AB")
    page = (data / "out" / "report.html").read_text(encoding="utf-8")
    # bars of three kinds of groups, a confusion matrix per scene, ROC, calibration
    assert page.count("<svg") == 3 + 2 + 2
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert "@import" not in page
    assert not re.search(r'(src|href)="(?!#)', page)
    assert not re.search(r"url\((?!#)", page)


def test_the_same_seed_gives_the_same_file(data: Path) -> None:
    def measured(seed: str) -> dict[str, Any]:
        evaluate(data / "labels.csv", "--out", data / "out", "--scenes", "bc", "--seed", seed)
        report = json.loads((data / "out" / "report.json").read_text(encoding="utf-8"))
        assert list(report["scenes"]) == ["B", "C"]
        scenes: dict[str, Any] = report["scenes"]
        return scenes

    first = measured("3")
    assert measured("3") == first
    assert measured("4") != first


def test_what_cannot_be_used_is_listed_and_the_rest_measured(data: Path) -> None:
    (data / "broken.wav").write_bytes(b"no audio")
    write_wav(data / "short.wav", silence_pcm(0.01))
    with (data / "labels.csv").open("a") as file:
        file.write(
            "gone.wav,angry,,,,,,\n"
            "broken.wav,angry,,,,,,\n"
            "short.wav,sad,,,,,,\n"
            "0.wav,grumpy,,,,,,\n"
            "call.wav,angry,,9,,,4,6\n"
        )
    status, said = evaluate(data / "labels.csv", "--out", data / "out", "--scenes", "B")
    assert status == LEFT_OUT
    report = json.loads((data / "out" / "report.json").read_text(encoding="utf-8"))
    page = (data / "out" / "report.html").read_text(encoding="utf-8")
    lines = [problem.split(": ")[0] for problem in report["problems"]]
    assert lines == [f"labels.csv:{number}" for number in (29, 30, 31, 32, 33)]
    for problem in report["problems"]:
        assert said.count(problem) == 1
        assert f"<li>{problem.replace(chr(34), '&#34;')}</li>" in page
    assert report["scenes"]["B"]["all"]["segments"] == 27


def test_one_class_alone_is_measured_and_told(data: Path) -> None:
    (data / "one.csv").write_text("path,emotion\n1.wav,angry\n3.wav,angry\n")
    status, said = evaluate(data / "one.csv", "--out", data / "out", "--scenes", "A")
    assert status == LEFT_OUT
    assert "every usable label is angry" in said
    report = json.loads((data / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["scenes"]["A"]["all"]["recall"]["angry"]["value"] == 1.0
    assert report["scenes"]["A"]["all"]["abnormal"] is None
    assert "Abnormal" not in (data / "out" / "report.html").read_text(encoding="utf-8")


def test_a_list_that_is_none_ends_with_one_sentence(tmp_path: Path) -> None:
    status, said = evaluate(tmp_path / "none.csv", "--out", tmp_path)
    assert status == 1
    assert said.count("\n") == 1
    assert "neither a folder nor a file of labels" in said


def test_a_list_of_mistakes_alone_names_them_all(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("path,emotion\ngone.wav,angry\nlost.wav,grumpy\n")
    status, said = evaluate(tmp_path / "labels.csv", "--out", tmp_path)
    assert status == 1
    assert "labels.csv:2" in said
    assert "labels.csv:3" in said
    assert not (tmp_path / "report.json").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--scenes", "AX"), ("--scenes", ""), ("--window-seconds", "0"), ("--engine", "magic")],
)
def test_a_mistake_in_an_option_has_a_status_of_its_own(
    data: Path, option: str, value: str
) -> None:
    arguments = [str(data / "labels.csv"), "--out", str(data / "out"), option, value]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert option in result.output


def test_held_out_sounds_need_a_folder(data: Path) -> None:
    status, said = evaluate(data / "labels.csv", "--out", data / "out", "--held-out-sounds")
    assert status == 2
    assert "--sounds" in said


def test_a_folder_without_sounds_is_named(data: Path) -> None:
    status, said = evaluate(data / "labels.csv", "--out", data / "out", "--sounds", data)
    assert status == 1
    assert "neither noise/ambience" in said


def test_only_the_named_speakers_are_measured(data: Path) -> None:
    arguments = (data / "labels.csv", "--out", data / "out", "--scenes", "A", "--speakers")
    status, _ = evaluate(*arguments, "corpus0/0, corpus0/1")
    assert status == 0
    report = json.loads((data / "out" / "report.json").read_text(encoding="utf-8"))
    assert report["scenes"]["A"]["all"]["segments"] == 12
    status, said = evaluate(*arguments, "corpus0/0,corpus7/1")
    assert status == 1
    assert "no speaker corpus7/1" in said
