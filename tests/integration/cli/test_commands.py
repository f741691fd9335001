"""Recordings, sources and alerts from a terminal."""

import json
import re
from pathlib import Path

from tests.integration.cli.conftest import Desk
from tests.support.audio import silence_pcm, speech_like_pcm, write_wav
from tests.support.messages import make_alert, make_session
from tests.support.wait import wait_until
from tonewatch.shared.broker import Outgoing
from tonewatch.shared.emotions import CHINESE, EMOTIONS
from tonewatch.shared.messages import AlertState
from tonewatch.shared.streams import ALERTS, SESSIONS

SEGMENT = re.compile(r"^\[(\d+\.\d)-(\d+\.\d) s\] ([a-z]+) (\d\.\d\d)$", re.MULTILINE)


async def test_a_recording_is_printed_as_emotion_bars_and_segments(
    desk: Desk, tmp_path: Path
) -> None:
    file = write_wav(tmp_path / "call.wav", speech_like_pcm(4))
    done = await desk.run("analyze", str(file), "--label", "agent_id=1042")
    assert (done.code, done.err) == (0, ""), done
    lines = done.out.splitlines()
    assert lines[0].startswith("call.wav: 4 s, call ")
    assert re.fullmatch(r"[a-z]+ \d\.\d\d on average over \d s of speech", lines[1])
    names = [line.split()[0] for line in lines[2:11]]
    assert names == [str(emotion) for emotion in EMOTIONS]
    assert SEGMENT.findall(done.out)
    assert len(lines) == 11 + len(SEGMENT.findall(done.out))
    session_id = lines[0].rpartition(" ")[2]
    kept = (await desk.client.get(f"/api/v1/sessions/{session_id}")).json()
    assert kept["labels"] == {"agent_id": "1042"}


async def test_a_recording_as_json_and_in_chinese(desk: Desk, tmp_path: Path) -> None:
    file = write_wav(tmp_path / "call.wav", speech_like_pcm(3))
    found = json.loads((await desk.run("analyze", str(file), "--json")).out)
    assert found["session"]["complete"] is True
    assert found["segments"][0]["emotion"] in {str(emotion) for emotion in EMOTIONS}
    chinese = (await desk.run("analyze", str(file), LANG="zh_CN.UTF-8")).out
    assert CHINESE[EMOTIONS[0]] in chinese
    assert "秒语音的平均值" in chinese


async def test_silence_and_what_is_no_recording_get_clear_words(desk: Desk, tmp_path: Path) -> None:
    quiet = write_wav(tmp_path / "quiet.wav", silence_pcm(2))
    done = await desk.run("analyze", str(quiet))
    assert done.code == 0
    assert "nobody speaks in it" in done.out
    text = tmp_path / "notes.txt"
    text.write_text("this is no audio")
    done = await desk.run("analyze", str(text))
    assert done.code == 1
    assert "audio" in done.err
    assert "Traceback" not in done.err
    assert (await desk.run("analyze", str(quiet), "--label", "agent")).code == 2


async def test_sources_are_a_table_and_their_names_paint_nothing(desk: Desk) -> None:
    name = "[red]线路[/red] 3"
    made = await desk.client.post("/api/v1/sources", json={"name": name, "kind": "rtmp"})
    assert made.status_code == 201
    done = await desk.run("streams")
    head, uploads, row = done.out.splitlines()
    assert head.split() == ["name", "kind", "state", "since", "reason", "labels", "id"]
    assert uploads.split()[:3] == ["Uploads", "upload", "idle"]
    assert row.startswith(f"{name} ")
    assert made.json()["id"] in row
    assert json.loads((await desk.run("streams", "--json")).out)[1]["name"] == name
    async with desk.terminal.start("streams", "--watch") as watching:
        await watching.prints(made.json()["id"])


async def fired(desk: Desk, alert_id: str = "alert-1") -> None:
    """An alert fires, and the inbox knows of it."""
    message = make_alert(alert_id=alert_id, rule="angry \x1b[2J", labels={"agent_id": "1042"})
    await desk.broker.publish([Outgoing(SESSIONS, make_session()), Outgoing(ALERTS, message)])

    async def is_known() -> bool:
        return (await desk.client.get(f"/api/v1/inbox/{alert_id}")).status_code == 200

    await wait_until(is_known)


async def test_alerts_are_listed_acknowledged_and_resolved(desk: Desk) -> None:
    assert "There are no alerts" in (await desk.run("alerts")).out
    await fired(desk)
    line = (await desk.run("alerts")).out
    assert "high firing angry \N{REPLACEMENT CHARACTER}[2J angry 0.90/0.75 agent_id=1042" in line
    assert line.rstrip().endswith("alert-1")
    done = await desk.run("alerts", "ack", "alert-1", "--comment", "I call back")
    assert done.out == "alert-1: acknowledged by test\n"
    assert "had acknowledged it before" in (await desk.run("alerts", "ack", "alert-1")).out
    assert (await desk.run("alerts", "resolve", "alert-1")).code == 2  # a verdict is needed
    done = await desk.run("alerts", "resolve", "alert-1", "--verdict", "false_alarm")
    assert done.out == "alert-1: closed, false alarm\n"
    (known,) = json.loads((await desk.run("alerts", "--json")).out)
    assert known["verdict"] == "false_alarm"
    assert known["acknowledged"]["by"] == "test"
    done = await desk.run("alerts", "ack", "no-such-alert")
    assert done.code == 1
    assert "no-such-alert" in done.err


async def test_alerts_are_followed_as_they_come(desk: Desk) -> None:
    await fired(desk)
    async with desk.terminal.start("alerts", "--follow") as following:
        await following.prints("alert-1")
        await fired(desk, "alert-2")
        await following.prints("alert-2")
        over = make_alert(AlertState.RESOLVED, alert_id="alert-2")
        await desk.broker.publish([Outgoing(ALERTS, over)])
        await following.prints("resolved")
        following.process.send_signal(2)  # Ctrl-C
        assert (await following.ends()).code == 0
