"""Rules from a terminal: checked, applied with a look at what differs, and tried on history."""

from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.integration.cli.conftest import Desk
from tests.support.audio import speech_like_pcm, write_wav
from tonewatch.shared.emotions import EMOTIONS

RULE = {"name": "shouting", "emotion": "angry", "threshold": 0.8, "duration_sec": 1.0}


def written(folder: Path, *rules: Mapping[str, object]) -> str:
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"rules": [dict(rule) for rule in rules]}, sort_keys=False))
    return str(file)


async def test_mistakes_are_named_with_their_places(desk: Desk, tmp_path: Path) -> None:
    good = await desk.run("rules", "check", written(tmp_path, RULE))
    assert (good.code, good.err) == (0, "")
    assert "no mistakes, 1 rule(s)" in good.out
    file = written(tmp_path, RULE, {**RULE, "name": "loud", "emotoin": "sad"})
    bad = await desk.run("rules", "check", file)
    assert bad.code == 1
    (place,) = (line for line in bad.err.splitlines() if "emotoin" in line)
    assert place.startswith(f"{file}:10:")
    assert (await desk.run("rules", "apply", file, "--yes")).code == 1
    assert (await desk.client.get("/api/v1/rules/shouting")).status_code == 404


async def test_a_file_is_applied_once_the_differences_were_shown(
    desk: Desk, tmp_path: Path
) -> None:
    file = written(tmp_path, RULE)
    refused = await desk.run("rules", "apply", file, typed="n\n")
    assert refused.code == 1
    assert "+threshold: 0.8" in refused.out
    assert (await desk.client.get("/api/v1/rules/shouting")).status_code == 404
    done = await desk.run("rules", "apply", file, typed="y\n")
    assert done.code == 0, done
    assert "shouting: in force, version 1" in done.out
    assert "nothing to change" in (await desk.run("rules", "apply", file, "--yes")).out
    written(tmp_path, {**RULE, "threshold": 0.7})
    done = await desk.run("rules", "apply", file, "--yes", "--comment", "too late")
    assert "-threshold: 0.8" in done.out
    assert "+threshold: 0.7" in done.out
    versions = (await desk.client.get("/api/v1/rules/shouting/versions")).json()["items"]
    assert [(each["version"], each["comment"]) for each in versions] == [(2, "too late"), (1, "")]
    assert versions[0]["by"] == "test"


async def test_a_rule_that_somebody_changed_meanwhile_is_left_alone(
    desk: Desk, tmp_path: Path
) -> None:
    file = written(tmp_path, RULE)
    await desk.run("rules", "apply", file, "--yes")
    written(tmp_path, {**RULE, "threshold": 0.7})
    async with desk.terminal.start("rules", "apply", file) as applying:
        await applying.prints("Apply 1 rule(s)?")
        other = {"rule": {**RULE, "threshold": 0.9}, "by": "li"}
        headers = {"If-Match": "*"}
        put = await desk.client.put("/api/v1/rules/shouting", json=other, headers=headers)
        assert put.status_code == 200, put.text
        await applying.answer("y")
        done = await applying.ends()
    assert done.code == 1
    assert "was changed by somebody else" in done.err
    rule = (await desk.client.get("/api/v1/rules/shouting")).json()["rule"]
    assert rule["threshold"] == 0.9


async def test_a_rule_of_the_operators_file_is_theirs(desk: Desk, tmp_path: Path) -> None:
    items = (await desk.client.get("/api/v1/rules")).json()["items"]
    theirs = {**RULE, "name": items[0]["name"]}
    done = await desk.run("rules", "apply", written(tmp_path, RULE, theirs), "--yes")
    assert done.code == 1
    assert "operator's rules file" in done.err
    assert (await desk.client.get("/api/v1/rules/shouting")).status_code == 404


async def test_rules_are_tried_on_stored_calls(desk: Desk, tmp_path: Path) -> None:
    recording = write_wav(tmp_path / "call.wav", speech_like_pcm(4))
    assert (await desk.run("analyze", str(recording))).code == 0
    every = [str(emotion) for emotion in EMOTIONS[:4]]
    always = {"name": "always", "combination": {"emotions": every, "min_sum": 0.0001}}
    file = written(tmp_path, always, {**RULE, "threshold": 0.999999})
    done = await desk.run("rules", "backtest", file, "--since", "1h")
    assert done.code == 0, done
    assert '"always" would have fired 1 time(s) in 1 call(s)' in done.out
    assert '"shouting" would have fired 0 time(s)' in done.out
    only = await desk.run("rules", "backtest", file, "--rule", "shouting")
    assert "always" not in only.out
    assert (await desk.run("rules", "backtest", file, "--rule", "nothing")).code == 1
    assert (await desk.run("rules", "backtest", file, "--since", "yesterday")).code == 2
