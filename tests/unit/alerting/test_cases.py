"""`tonewatch-alerting test`: cases in a compact form, run by the engine, told as promtool does."""

import re
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tests.support.messages import START
from tonewatch.alerting.cases import load_cases
from tonewatch.alerting.cases._audio import seconds_of, ticks_of_text
from tonewatch.alerting.cli import add_commands
from tonewatch.alerting.rules import RulesError

PAGES = [Path(__file__).parents[3] / "docs" / name for name in ("rules.md", "rules.zh-CN.md")]
RULES = """\
rules:
  - {name: angry, emotion: angry, threshold: 0.75, duration_sec: 2, match: ["tier=vip"]}
  - {name: sentence, granularity: utterance, emotion: sad, threshold: 0.5, duration_sec: 2}
"""


def invoke(folder: Path, cases: str, rules: str = RULES) -> Result:
    (folder / "rules.yaml").write_text(rules)
    (folder / "cases.yaml").write_text(cases)
    app = typer.Typer()
    add_commands(app)
    return CliRunner().invoke(app, ["test", str(folder / "rules.yaml"), str(folder / "cases.yaml")])


def case(*audio: str, expect: str = "[]", more: str = "") -> str:
    listed = ", ".join(audio)
    return (
        f"cases:\n- name: one\n  labels: {{tier: vip}}\n  audio: [{listed}]\n"
        f"  expect: {expect}\n{more}"
    )


def test_cases_that_come_true_succeed(tmp_path: Path) -> None:
    text = case(
        "1s neutral",
        "0.5s angry 0.7",
        "2.5s angry 0.9",
        "5s neutral",
        expect="[{rule: angry, fires_at_sec: 3.5, resolves_at_sec: 7, priority: medium}]",
    )
    result = invoke(tmp_path, text)
    assert result.exit_code == 0, result.output
    assert result.output == f"{tmp_path / 'cases.yaml'}:\n  SUCCESS: 1 case(s)\n"


def test_what_did_not_come_and_what_came_besides_are_told(tmp_path: Path) -> None:
    text = case("1s angry 0.9", "1s angry 0.6", expect="[{rule: angry, fires_at_sec: 2}]")
    result = invoke(tmp_path, text)
    assert result.exit_code == 1
    assert 'expected: "angry" fires at 2 s' in result.output
    assert "closest: second 0, pending: not long enough yet: 1 of 2 s" in result.output
    result = invoke(tmp_path, case("3s angry 0.9"))
    assert result.exit_code == 1
    assert 'got:      "angry" fires at 2 s, resolves at 3 s' in result.output
    assert "1 of 1 case(s) failed" in result.output
    other = text.replace("vip", "basic")
    assert "it does not look at this call" in invoke(tmp_path, other).output


def test_values_can_be_listed_one_by_one(tmp_path: Path) -> None:
    series = "{angry: [0.9, 0.9, 0.5], sad: [0, 0, 0], step_sec: 1}"
    expect = "[{rule: angry, fires_at_sec: 2}]"
    assert invoke(tmp_path, case(series, expect=expect)).exit_code == 0
    fine = "{angry: [" + ", ".join(["0.9"] * 20) + "], step_sec: 0.1}"
    assert invoke(tmp_path, case(fine, expect=expect)).exit_code == 0


def test_stretches_of_speech_are_utterances(tmp_path: Path) -> None:
    expect = "[{rule: sentence, fires_at_sec: 2}]"
    assert invoke(tmp_path, case("3s sad 0.9", "2s silence", expect=expect)).exit_code == 0


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (case("3 angry"), ":4:11: cases[0].audio[0]", "is no stretch"),
        (case("3s angri 0.5"), ":4:11: cases[0].audio[0]", "is no emotion"),
        (case("3s angry 0.5 sad"), ":4:11: cases[0].audio[0]", "stands its probability"),
        (case("3s angry 0.9 sad 0.9"), ":4:11: cases[0].audio[0]", "add up to 1.8"),
        (case("1.5s silence"), ":4:11: cases[0].audio[0]", "whole seconds"),
        (case("0.5s angry 0.9", "1s silence"), ":2:3: cases[0]", "part speech"),
        (case("{angry: [1], sad: [1, 2]}"), ":4:11: cases[0].audio[0]", "as many values"),
        ("cases: [{name: a}]", ":1:9: cases[0].audio", "required"),
        ("cases: []", ":1:1: cases", "at least 1"),
        (case("1s sad", expect="[{rule: angry}]"), "cases[0].expect[0].fires_at_sec", "required"),
        ("a: [", ":2:1: ", "not valid YAML"),
    ],
)
def test_mistakes_of_a_file_of_cases_are_told_with_their_place(
    tmp_path: Path, text: str, place: str, message: str
) -> None:
    file = tmp_path / "cases.yaml"
    file.write_text(text)
    with pytest.raises(RulesError) as caught:
        load_cases(file)
    assert place in caught.value.message
    assert message in caught.value.message


def test_a_rule_that_is_not_there_is_named(tmp_path: Path) -> None:
    result = invoke(tmp_path, case("1s sad", expect="[{rule: nobody, fires_at_sec: 1}]"))
    assert isinstance(result.exception, RulesError)
    assert 'there is no rule "nobody"' in str(result.exception)


def test_seconds_have_their_length() -> None:
    *_, last = seconds_of(ticks_of_text("2.3s angry 0.9"), START)
    assert (last.first, last.duration_ms, last.final) == (2, 300, True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_example_of_the_page_is_true(tmp_path: Path, page: Path) -> None:
    text = page.read_text()
    found = re.search(r"```yml\n(.*?)```", text, re.DOTALL)
    assert found is not None
    rules = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    named = re.findall(r"rule: (\w+)", found[1])
    block = next(each for each in rules if all(f'"{name}"' in each for name in named))
    result = invoke(tmp_path, found[1], block)
    assert result.exit_code == 0, result.output
